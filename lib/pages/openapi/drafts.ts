import { type JsonObject, isObject } from '../../util/json-object';
import { isWellFormed } from '../../mcp/schema/keywords';

/**
 * Identifiers and definitions, which would change the meaning of the resolved references. Schemas that were cut out of an
 * OpenAPI document have their definitions in `components`.
 */
const IDENTITY = '$schema $anchor $dynamicAnchor $recursiveAnchor $vocabulary $defs definitions components'.split(' ');

/**
 * Translates one schema, without its subschemas, from drafts 4 to 7 and OpenAPI 3.0 into the dialect of OpenAPI 3.1 (JSON
 * Schema 2020-12). Invalid values are left out.
 *
 * @param idKeyword - the identifier of a schema in its draft: `$id`, or `id` in draft 4
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

/** Draft 4: `exclusiveMinimum: true` makes `minimum` exclusive. */
function exclusive(words: Map<string, unknown>, bound: string, flag: string): void {
  if (words.get(flag) !== true || !words.has(bound)) return;
  words.set(flag, words.get(bound));
  words.delete(bound);
}

/** Before 2020-12, an array as `items` was `prefixItems`, and `additionalItems` had no meaning without it. */
function tuple(words: Map<string, unknown>): void {
  const items = words.get('items');
  const rest = words.get('additionalItems');
  words.delete('additionalItems');
  if (!Array.isArray(items)) return;
  words.delete('items');
  words.set('prefixItems', items);
  if (rest !== undefined) words.set('items', rest);
}

/** Draft 7: `dependencies` is both `dependentRequired` and `dependentSchemas`. */
function dependencies(words: Map<string, unknown>): void {
  const all = words.get('dependencies');
  words.delete('dependencies');
  if (!isObject(all)) return;
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
  if (entries.length > 0) words.set(key, { ...Object.fromEntries(entries), ...(isObject(known) && known) });
}

/** OpenAPI 3.0: `nullable` adds null to the type beside it, and has no meaning without one. */
function nullable(words: Map<string, unknown>): void {
  const type = words.get('type');
  if (words.get('nullable') === true && type !== undefined) words.set('type', [...new Set([type, 'null'].flat())]);
  words.delete('nullable');
}
