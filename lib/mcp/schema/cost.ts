import { isFormatAsserted } from './keywords';

/** An upper bound of the cost of validation: `linear × size + quadratic × size²`. */
export interface Weight {
  readonly linear: number;
  readonly quadratic: number;
}

/** The formats of ajv-formats that are at most quadratic in the length of the string. */
const BOUNDED_FORMATS: ReadonlySet<string> = new Set([
  ...['date', 'date-time', 'time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'json-pointer', 'uri', 'uuid'],
  ...['binary', 'byte', 'double', 'float', 'int32', 'int64', 'password'],
]);
/** A pattern without groups and with at most one quantifier: it backtracks at most once per start. */
const BOUNDED_PATTERN = /^[^(*+?{]*(?:[*+?{][^(*+?{]*)?$/;
/** Without escapes and empty parts, which Ajv may resolve in another way than {@link resolve}. */
const PLAIN_POINTER = /^#(?:\/[^/%#]+)+$/;
const UNIT: Weight = { linear: 1, quadratic: 0 };
const UNBOUNDED: Weight = { linear: Infinity, quadratic: 0 };

/**
 * The size of a JSON value: its characters plus one per value and key. `Infinity` if it is nested in more than `depth`
 * levels.
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
 * Computes the weight of a schema of bounded depth: each subschema counts once per use. Infinite if the cost has no bound:
 * recursive or external references, patterns or formats that may backtrack exponentially.
 */
export function weigh(schema: Readonly<Record<string, unknown>>): Weight {
  // A node in progress is unbounded: to meet it again means recursion.
  const known = new Map<object, Weight>();
  const assertsFormats = isFormatAsserted(schema);

  function weighNode(node: unknown): Weight {
    if (typeof node !== 'object' || node === null) return UNIT;
    const weight = known.get(node);
    if (weight) return weight;
    known.set(node, UNBOUNDED);
    let linear = 1;
    let quadratic = 0;
    for (const [keyword, value] of Object.entries(node as Readonly<Record<string, unknown>>)) {
      const isFree = keyword === 'format' && !assertsFormats;
      const own = isFree ? UNIT : weighKeyword(keyword, value, node === schema);
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

/** The cost of a keyword without its subschemas. If it is the name of a property, its value is no string. */
function weighKeyword(keyword: string, value: unknown, isRoot: boolean): Weight {
  if (keyword === 'patternProperties') return UNBOUNDED;
  if (keyword === 'uniqueItems') return { linear: 1, quadratic: 1 };
  if (typeof value !== 'string') return UNIT;
  switch (keyword) {
    case '$ref':
      return PLAIN_POINTER.test(value) ? UNIT : UNBOUNDED;
    case '$dynamicRef':
    case '$recursiveRef':
      return UNBOUNDED;
    case '$id':
    case 'id':
      // Another base changes the meaning of the references below.
      return isRoot ? UNIT : UNBOUNDED;
    case 'pattern':
      return BOUNDED_PATTERN.test(value) ? { linear: 1, quadratic: value.length } : UNBOUNDED;
    case 'format':
      return BOUNDED_FORMATS.has(value) ? { linear: 1, quadratic: 1 } : UNBOUNDED;
    default:
      return UNIT;
  }
}

/** The node at a plain JSON Pointer (RFC 6901), if there is one. */
function resolve(root: unknown, ref: string): unknown {
  let node = root;
  for (const token of ref.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Record<string, unknown>)[key];
  }
  return node;
}
