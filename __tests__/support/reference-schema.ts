type Fields = Readonly<Record<string, unknown>>;

/** Thrown where this page has no opinion: another dialect, a keyword that it does not know or of the wrong type. */
class NoOpinion extends Error {}

type Check = (value: unknown, schema: Fields, context: Context) => boolean;

interface Context {
  readonly root: unknown;
  readonly depth: number;
}

const MAX_DEPTH = 60;
const ANNOTATIONS = new Set(['title', 'description', 'default', 'examples', 'deprecated', '$comment', '$schema']);
// Looked at by the keyword that they belong to.
const COMPANIONS = new Set(['then', 'else', 'minContains', 'maxContains', '$defs']);
const ONE = new Set(['items', 'contains', 'propertyNames', 'additionalProperties', 'not', 'if', 'then', 'else']);
const LISTS = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);
const MAPS = new Set(['properties', 'dependentSchemas', '$defs']);

/** What JSON Schema 2020-12 says of a value, written from the specification; `undefined` where this knows too little. */
export function referenceVerdict(schema: unknown, value: unknown): boolean | undefined {
  try {
    examine(schema, schema);
    return fits(value, schema, { root: schema, depth: 0 });
  } catch (error) {
    if (error instanceof NoOpinion) return undefined;
    throw error;
  }
}

/** Whether there is an opinion on the whole schema: a fault anywhere in it may mean that nothing is checked. */
function examine(schema: unknown, root: unknown): void {
  if (typeof schema === 'boolean') return;
  if (!isObject(schema)) throw new NoOpinion();
  for (const [keyword, value] of Object.entries(schema)) {
    if (ONE.has(keyword)) examine(value, root);
    else if (LISTS.has(keyword)) for (const each of list(value, 1)) examine(each, root);
    else if (keyword === 'patternProperties')
      for (const [pattern, each] of entries(value)) {
        regExp(pattern, () => true);
        examine(each, root);
      }
    else if (MAPS.has(keyword)) for (const [, each] of entries(value)) examine(each, root);
    else if (keyword === 'minContains' || keyword === 'maxContains') count(value, () => true);
    else if (keyword === '$ref') resolve(root, value);
    else if (!ANNOTATIONS.has(keyword)) check(keyword)(undefined, schema, { root, depth: 0 });
  }
}

function fits(value: unknown, schema: unknown, { root, depth }: Context): boolean {
  if (typeof schema === 'boolean') return schema;
  // It may go on like that for ever.
  if (!isObject(schema) || depth > MAX_DEPTH) throw new NoOpinion();
  const context = { root, depth: depth + 1 };
  const keywords = Object.keys(schema).filter((keyword) => !ANNOTATIONS.has(keyword) && !COMPANIONS.has(keyword));
  return all(keywords, (keyword) => check(keyword)(value, schema, context));
}

function check(keyword: string): Check {
  const found = CHECKS.get(keyword);
  if (!found) throw new NoOpinion();
  return found;
}

const CHECKS = new Map<string, Check>([
  ['type', (value, { type }) => types(type).some((each) => isOfType(value, each))],
  ['const', (value, schema) => equal(value, schema.const)],
  ['enum', (value, schema) => list(schema.enum, 1).some((each) => equal(value, each))],
  ['minimum', (value, { minimum }) => number(minimum, (bound) => typeof value !== 'number' || value >= bound)],
  ['maximum', (value, { maximum }) => number(maximum, (bound) => typeof value !== 'number' || value <= bound)],
  [
    'exclusiveMinimum',
    (value, schema) => number(schema.exclusiveMinimum, (it) => typeof value !== 'number' || value > it),
  ],
  [
    'exclusiveMaximum',
    (value, schema) => number(schema.exclusiveMaximum, (it) => typeof value !== 'number' || value < it),
  ],
  ['multipleOf', (value, { multipleOf }) => isMultiple(value, multipleOf)],
  [
    'minLength',
    (value, schema) => count(schema.minLength, (it) => typeof value !== 'string' || Array.from(value).length >= it),
  ],
  [
    'maxLength',
    (value, schema) => count(schema.maxLength, (it) => typeof value !== 'string' || Array.from(value).length <= it),
  ],
  ['pattern', (value, { pattern }) => regExp(pattern, (it) => typeof value !== 'string' || it.test(value))],
  ['minItems', (value, { minItems }) => count(minItems, (it) => !Array.isArray(value) || value.length >= it)],
  ['maxItems', (value, { maxItems }) => count(maxItems, (it) => !Array.isArray(value) || value.length <= it)],
  ['uniqueItems', (value, schema) => !boolean(schema.uniqueItems) || !Array.isArray(value) || areUnique(value)],
  ['items', (value, schema, context) => each(schema.items, itemsAfterPrefix(value, schema), context)],
  ['prefixItems', (value, { prefixItems }, context) => prefix(value, list(prefixItems, 1), context)],
  ['contains', contains],
  ['minProperties', (value, { minProperties }) => count(minProperties, (it) => !isObject(value) || size(value) >= it)],
  ['maxProperties', (value, { maxProperties }) => count(maxProperties, (it) => !isObject(value) || size(value) <= it)],
  ['required', (value, { required }) => has(value, names(required))],
  ['dependentRequired', dependentRequired],
  ['dependentSchemas', dependentSchemas],
  [
    'propertyNames',
    (value, schema, context) => each(schema.propertyNames, isObject(value) ? Object.keys(value) : [], context),
  ],
  [
    'properties',
    (value, { properties }, context) =>
      all(entries(properties), ([key, schema]) => member(value, key, schema, context)),
  ],
  ['patternProperties', patternProperties],
  [
    'additionalProperties',
    (value, schema, context) => each(schema.additionalProperties, others(value, schema), context),
  ],
  ['allOf', (value, { allOf }, context) => matches(value, allOf, context) === list(allOf, 1).length],
  ['anyOf', (value, { anyOf }, context) => matches(value, anyOf, context) > 0],
  ['oneOf', (value, { oneOf }, context) => matches(value, oneOf, context) === 1],
  ['not', (value, { not }, context) => !fits(value, not, context)],
  ['if', (value, schema, context) => branch(value, schema, context)],
  ['$ref', (value, { $ref }, context) => fits(value, resolve(context.root, $ref), context)],
]);

/** Whether all hold, each looked at. */
function all<T>(values: readonly T[], holds: (value: T) => boolean): boolean {
  return values.map(holds).every(Boolean);
}

function each(schema: unknown, values: readonly unknown[], context: Context): boolean {
  return all(values, (value) => fits(value, schema, context));
}

function matches(value: unknown, schemas: unknown, context: Context): number {
  return list(schemas, 1)
    .map((schema) => fits(value, schema, context))
    .filter(Boolean).length;
}

function branch(value: unknown, schema: Fields, context: Context): boolean {
  const taken = fits(value, schema.if, context) ? 'then' : 'else';
  return !Object.hasOwn(schema, taken) || fits(value, schema[taken], context);
}

function prefix(value: unknown, schemas: readonly unknown[], context: Context): boolean {
  if (!Array.isArray(value)) return true;
  return schemas.map((schema, index) => index >= value.length || fits(value[index], schema, context)).every(Boolean);
}

function itemsAfterPrefix(value: unknown, schema: Fields): readonly unknown[] {
  const before = Object.hasOwn(schema, 'prefixItems') ? list(schema.prefixItems, 1).length : 0;
  return Array.isArray(value) ? value.slice(before) : [];
}

function contains(value: unknown, schema: Fields, context: Context): boolean {
  if (!Array.isArray(value)) return true;
  const found = value.filter((item) => fits(item, schema.contains, context)).length;
  const { minContains = 1, maxContains = Infinity } = schema as { minContains?: number; maxContains?: number };
  return found >= minContains && found <= maxContains;
}

function dependentRequired(value: unknown, schema: Fields): boolean {
  return all(entries(schema.dependentRequired), ([key, needed]) => {
    const wanted = names(needed);
    return !has(value, [key]) || !isObject(value) || has(value, wanted);
  });
}

function dependentSchemas(value: unknown, schema: Fields, context: Context): boolean {
  return all(entries(schema.dependentSchemas), ([key, needed]) => {
    return !isObject(value) || !Object.hasOwn(value, key) || fits(value, needed, context);
  });
}

function patternProperties(value: unknown, schema: Fields, context: Context): boolean {
  return all(entries(schema.patternProperties), ([pattern, inner]) =>
    regExp(pattern, (it) =>
      each(
        inner,
        isObject(value)
          ? Object.keys(value)
              .filter((key) => it.test(key))
              .map((key) => value[key])
          : [],
        context,
      ),
    ),
  );
}

/** The members that neither `properties` nor `patternProperties` speaks of. */
function others(value: unknown, schema: Fields): readonly unknown[] {
  if (!isObject(value)) return [];
  const known = new Set(Object.hasOwn(schema, 'properties') ? entries(schema.properties).map(([key]) => key) : []);
  const patterns = Object.hasOwn(schema, 'patternProperties')
    ? entries(schema.patternProperties).map(([key]) => key)
    : [];
  return Object.keys(value)
    .filter((key) => !known.has(key) && !patterns.some((pattern) => regExp(pattern, (it) => it.test(key))))
    .map((key) => value[key]);
}

function member(value: unknown, key: string, schema: unknown, context: Context): boolean {
  return !isObject(value) || !Object.hasOwn(value, key) || fits(value[key], schema, context);
}

function has(value: unknown, keys: readonly string[]): boolean {
  return !isObject(value) || keys.every((key) => Object.hasOwn(value, key));
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  return type === 'integer' ? Number.isInteger(value) : typeof value === type;
}

/** The same JSON value; the order of members does not count, nor the sign of zero. */
function equal(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
    return one.every((item, index) => equal(item, other[index]));
  }
  if (!isObject(one) || !isObject(other)) return one === other;
  return (
    size(one) === size(other) &&
    Object.keys(one).every((key) => Object.hasOwn(other, key) && equal(one[key], other[key]))
  );
}

function areUnique(items: readonly unknown[]): boolean {
  // Where all are to be texts, Ajv counts them in an object, which takes no member of that name.
  if (items.filter((item) => item === '__proto__').length > 1) throw new NoOpinion();
  return new Set(items.map(canonical)).size === items.length;
}

/** The same text for values that are {@link equal}. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

function isMultiple(value: unknown, of: unknown): boolean {
  // What floating point makes of others is nothing to agree on.
  if (!Number.isSafeInteger(of) || Number(of) <= 0) throw new NoOpinion();
  if (typeof value !== 'number') return true;
  if (Number.isInteger(value) !== Number.isSafeInteger(value) || Math.abs(value) < 1e-6) {
    if (value !== 0) throw new NoOpinion();
  }
  return value % Number(of) === 0;
}

/** Only JSON Pointers, and only through what is there. */
function resolve(root: unknown, ref: unknown): unknown {
  if (ref === '#') return root;
  if (typeof ref !== 'string' || !/^#(?:\/[\w$]+)+$/.test(ref)) throw new NoOpinion();
  let node = root;
  for (const key of ref.split('/').slice(1)) {
    if (!isObject(node) || !Object.hasOwn(node, key)) throw new NoOpinion();
    node = node[key];
  }
  return node;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function size(value: Fields): number {
  return Object.keys(value).length;
}

function number(bound: unknown, holds: (bound: number) => boolean): boolean {
  if (typeof bound !== 'number') throw new NoOpinion();
  return holds(bound);
}

function count(bound: unknown, holds: (bound: number) => boolean): boolean {
  if (!Number.isInteger(bound) || Number(bound) < 0) throw new NoOpinion();
  return holds(Number(bound));
}

function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new NoOpinion();
  return value;
}

function list(value: unknown, least = 0): readonly unknown[] {
  if (!Array.isArray(value) || value.length < least) throw new NoOpinion();
  return value;
}

/** Names that are asked for. Ajv overlooks that the empty one is missing. */
function names(value: unknown): readonly string[] {
  if (!list(value).every((name) => typeof name === 'string' && name !== '')) throw new NoOpinion();
  return value as string[];
}

function types(value: unknown): readonly string[] {
  const all = typeof value === 'string' ? [value] : names(value);
  const known = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'];
  if (all.length === 0 || !all.every((type) => known.includes(type))) throw new NoOpinion();
  return all;
}

/** The members of a map from names to schemas and the like. Ajv knows nothing of `__proto__`, and refuses lone surrogates. */
function entries(value: unknown): readonly [string, unknown][] {
  if (!isObject(value) || Object.hasOwn(value, '__proto__')) throw new NoOpinion();
  if (!Object.keys(value).every((key) => key.isWellFormed())) throw new NoOpinion();
  return Object.entries(value);
}

function regExp(pattern: unknown, holds: (it: RegExp) => boolean): boolean {
  if (typeof pattern !== 'string') throw new NoOpinion();
  let it: RegExp;
  try {
    it = new RegExp(pattern, 'u');
  } catch {
    throw new NoOpinion();
  }
  return holds(it);
}
