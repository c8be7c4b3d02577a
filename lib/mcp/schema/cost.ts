/** An upper bound of what validation costs: `linear × size + quadratic × size²`, for arguments of some size. */
export interface Weight {
  readonly linear: number;
  readonly quadratic: number;
}

/** The formats of ajv-formats whose check is at most quadratic in the length of the string. */
const TAME_FORMATS: ReadonlySet<string> = new Set([
  ...['date', 'date-time', 'time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'json-pointer', 'uri', 'uuid'],
  ...['binary', 'byte', 'double', 'float', 'int32', 'int64', 'password'],
]);
/** Without groups and with at most one quantifier, a pattern backtracks at most once per start. */
const TAME_PATTERN = /^[^(*+?{]*(?:[*+?{][^(*+?{]*)?$/;
/** What is escaped or empty may lead Ajv to another place than {@link resolve}. */
const PLAIN_POINTER = /^#(?:\/[^/%#]+)+$/;
const TAME: Weight = { linear: 1, quadratic: 0 };
const UNBOUNDED: Weight = { linear: Infinity, quadratic: 0 };

/**
 * The size of a JSON value, in characters of text plus one per value and per key; `Infinity` when it holds arrays
 * or objects nested in more than `depth` levels.
 */
export function measure(value: unknown, depth: number): number {
  if (typeof value === 'string') return 1 + value.length;
  if (typeof value !== 'object' || value === null) return 1;
  if (depth === 0) return Infinity;
  let size = 1;
  if (Array.isArray(value)) {
    for (const item of value) size += measure(item, depth - 1);
  } else {
    for (const key in value) {
      size += 1 + key.length + measure((value as Record<string, unknown>)[key], depth - 1);
    }
  }
  return size;
}

/**
 * Weighs a schema of bounded depth: each subschema once for every place it is used in. Infinite when nothing can be
 * promised: a recursive or foreign reference, a pattern or format that may backtrack without end.
 */
export function weigh(schema: Readonly<Record<string, unknown>>): Weight {
  // A node that is still being weighed counts as unbounded: meeting it again means that it contains itself.
  const known = new Map<object, Weight>();

  function weighNode(node: unknown): Weight {
    if (typeof node !== 'object' || node === null) return TAME;
    const weight = known.get(node);
    if (weight) return weight;
    known.set(node, UNBOUNDED);
    let linear = 1;
    let quadratic = 0;
    for (const [keyword, value] of Object.entries(node as Readonly<Record<string, unknown>>)) {
      const own = weighKeyword(keyword, value, node === schema);
      const target = keyword === '$ref' && typeof value === 'string' ? resolve(schema, value) : value;
      const inner = target === undefined ? UNBOUNDED : weighNode(target);
      linear += own.linear + inner.linear;
      quadratic += own.quadratic + inner.quadratic;
    }
    const total = { linear, quadratic };
    known.set(node, total);
    return total;
  }

  return weighNode(schema);
}

/** What a keyword costs beside the subschemas in it. Where it is the name of a property, its value is no string. */
function weighKeyword(keyword: string, value: unknown, isRoot: boolean): Weight {
  if (keyword === 'patternProperties') return UNBOUNDED;
  if (keyword === 'uniqueItems') return { linear: 1, quadratic: 1 };
  if (typeof value !== 'string') return TAME;
  switch (keyword) {
    case '$ref':
      return PLAIN_POINTER.test(value) ? TAME : UNBOUNDED;
    case '$dynamicRef':
    case '$recursiveRef':
      return UNBOUNDED;
    case '$id':
    case 'id':
      // A second base gives the references below it another meaning.
      return isRoot ? TAME : UNBOUNDED;
    case 'pattern':
      return TAME_PATTERN.test(value) ? { linear: 1, quadratic: value.length } : UNBOUNDED;
    case 'format':
      return TAME_FORMATS.has(value) ? { linear: 1, quadratic: 1 } : UNBOUNDED;
    default:
      return TAME;
  }
}

/** The node at a plain JSON Pointer (RFC 6901); `undefined` when there is none. */
function resolve(root: unknown, ref: string): unknown {
  let node = root;
  for (const token of ref.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Record<string, unknown>)[key];
  }
  return node;
}
