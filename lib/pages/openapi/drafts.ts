import { type JsonObject, isJsonObject, isWellFormed } from './keywords';

/**
 * Identity and bundling: what they name has been resolved, and kept they would change what a reader takes a reference
 * to mean. `components` holds the definitions of schemas that were cut out of an OpenAPI description.
 */
const IDENTITY = [
  ...['$schema', '$anchor', '$dynamicAnchor', '$recursiveAnchor', '$vocabulary'],
  ...['$defs', 'definitions', 'components'],
];

/**
 * One schema, not those inside it, in the dialect of OpenAPI 3.1 (JSON Schema 2020-12) and with the same meaning: what
 * drafts 4 to 7 and OpenAPI 3.0 said in other words is put into these, and values that no draft allows are left out.
 *
 * @param idKeyword - what names a schema in its draft: `$id`, or `id` in draft 4
 */
export function modernized(schema: JsonObject, idKeyword: '$id' | 'id'): JsonObject {
  const words = new Map(Object.entries(schema));
  for (const key of [...IDENTITY, idKeyword]) words.delete(key);
  exclusive(words, 'minimum', 'exclusiveMinimum');
  exclusive(words, 'maximum', 'exclusiveMaximum');
  tuple(words);
  dependencies(words);
  nullable(words);
  if (Array.isArray(words.get('required'))) words.set('required', [...new Set(words.get('required') as unknown[])]);
  return Object.fromEntries([...words].filter(([key, value]) => isWellFormed(key, value)));
}

/** Draft 4: `exclusiveMinimum: true` sharpens `minimum`. */
function exclusive(words: Map<string, unknown>, bound: string, flag: string): void {
  if (words.get(flag) !== true || !words.has(bound)) return;
  words.set(flag, words.get(bound));
  words.delete(bound);
}

/** Before 2020-12 a list of `items` was what `prefixItems` is now, and `additionalItems` meant nothing without it. */
function tuple(words: Map<string, unknown>): void {
  const items = words.get('items');
  const rest = words.get('additionalItems');
  words.delete('additionalItems');
  if (!Array.isArray(items)) return;
  words.delete('items');
  words.set('prefixItems', items);
  if (rest !== undefined) words.set('items', rest);
}

/** Draft 7: `dependencies` were both `dependentRequired` and `dependentSchemas`. */
function dependencies(words: Map<string, unknown>): void {
  const all = words.get('dependencies');
  words.delete('dependencies');
  if (!isJsonObject(all)) return;
  const entries = Object.entries(all);
  add(
    words,
    'dependentRequired',
    entries.filter(([, value]) => Array.isArray(value)),
  );
  add(
    words,
    'dependentSchemas',
    entries.filter(([, value]) => !Array.isArray(value)),
  );
}

function add(words: Map<string, unknown>, key: string, entries: readonly [string, unknown][]): void {
  const known = words.get(key);
  if (entries.length > 0) words.set(key, { ...Object.fromEntries(entries), ...(isJsonObject(known) && known) });
}

/** OpenAPI 3.0: `nullable` adds null to the type beside it, and says nothing without one. */
function nullable(words: Map<string, unknown>): void {
  const type = words.get('type');
  if (words.get('nullable') === true && type !== undefined) words.set('type', [...new Set([type, 'null'].flat())]);
  words.delete('nullable');
}
