import { type JsonObject, isObject } from '../../util/json-object';
import { SUBSCHEMAS, isSchema, isWellFormed } from './keywords';

/** A part of a schema that cannot be checked. */
export interface Fault {
  /** Where: a JSON Pointer (RFC 6901) into the schema. */
  readonly pointer: string;
  readonly reason: string;
}

/** What of a schema can be checked. */
export interface Repaired {
  readonly schema: JsonObject;
  /** What has been left out. */
  readonly faults: readonly Fault[];
}

/** What a dialect and its validator take. */
export interface Accepted {
  /** Whether `items` may be a list. */
  readonly tuples: boolean;
  /** References that lead nowhere. */
  readonly dangling: ReadonlySet<string>;
  isPattern(pattern: string): boolean;
}

/** Keywords whose schema, when it takes more, makes the whole take less. They are left out as a whole. */
const EXACT = new Set(['not', 'oneOf', 'if', 'contains']);
/** Keywords whose schemas are for the same value. */
const IN_PLACE = new Set(['allOf', 'anyOf', 'dependencies', 'dependentSchemas', 'else', 'if', 'not', 'oneOf', 'then']);
/** Keywords that judge what the keywords beside them, and those in the schemas for the same value, leave over. */
const BESIDE = ['additionalProperties', 'additionalItems', 'items'];
const UNEVALUATED = ['unevaluatedProperties', 'unevaluatedItems'];
const NO_PATTERN = 'is not a regular expression that can be used';
const REFERENCES = new Set(['$ref', '$dynamicRef', '$recursiveRef']);
const TEXTS = new Set([...REFERENCES, '$id', 'id', '$anchor', '$dynamicAnchor']);
/** Keywords without effect on the check. */
const ANNOTATIONS = new Set([
  ...['$comment', 'contentEncoding', 'contentMediaType', 'deprecated', 'description', 'discriminator', 'examples'],
  ...['externalDocs', 'format', 'readOnly', 'title', 'writeOnly', 'xml'],
]);

/**
 * Leaves out the parts of a schema that a validator does not take. What is left never rejects a value that the whole schema
 * would accept: where a part decides what other keywords judge, they are left out with it.
 */
export function repair(schema: JsonObject, accepted: Accepted): Repaired {
  const faults: Fault[] = [];
  return { schema: repairNode(schema, '', accepted, faults), faults };
}

function repairNode(schema: JsonObject, pointer: string, accepted: Accepted, faults: Fault[]): JsonObject {
  const kept = new Map<string, unknown>();
  const leaveOut = new Set<string>();
  for (const [keyword, value] of Object.entries(schema)) {
    const at = `${pointer}/${escape(keyword)}`;
    const before = faults.length;
    const reason = reasonOf(keyword, value, schema, accepted);
    if (reason === undefined) kept.set(keyword, repairValue(keyword, value, at, accepted, faults));
    else faults.push({ pointer: at, reason });
    if (faults.length === before) continue;
    if (EXACT.has(keyword)) leaveOut.add(keyword);
    const isGone = reason !== undefined && SUBSCHEMAS.has(keyword);
    if (isGone || keyword === 'patternProperties') for (const each of BESIDE) leaveOut.add(each);
    if (isGone || REFERENCES.has(keyword) || IN_PLACE.has(keyword) || keyword === 'patternProperties') {
      for (const each of UNEVALUATED) leaveOut.add(each);
    }
  }
  for (const keyword of leaveOut) kept.delete(keyword);
  return Object.fromEntries(kept);
}

/** The value of a keyword whose form is right, without the parts of it that cannot be checked. */
function repairValue(keyword: string, value: unknown, pointer: string, accepted: Accepted, faults: Fault[]): unknown {
  const child = (schema: unknown, name?: string): unknown => {
    const at = name === undefined ? pointer : `${pointer}/${escape(name)}`;
    if (isObject(schema)) return repairNode(schema, at, accepted, faults);
    if (typeof schema === 'boolean' || (keyword === 'dependencies' && isWellFormed('required', schema))) return schema;
    faults.push({ pointer: at, reason: 'is not a schema' });
    return {};
  };
  if (!SUBSCHEMAS.has(keyword)) return value;
  if (Array.isArray(value)) return value.map((each, index) => child(each, String(index)));
  if (SUBSCHEMAS.get(keyword) !== 'map') return child(value);
  const entries = Object.entries(value as JsonObject).flatMap(([name, schema]) => {
    if (keyword !== 'patternProperties' || accepted.isPattern(name)) return [[name, child(schema, name)]];
    faults.push({ pointer: `${pointer}/${escape(name)}`, reason: NO_PATTERN });
    return [];
  });
  return Object.fromEntries(entries) as JsonObject;
}

/** Why a keyword as a whole cannot be checked; `undefined` if it can. */
function reasonOf(keyword: string, value: unknown, schema: JsonObject, accepted: Accepted): string | undefined {
  if (ANNOTATIONS.has(keyword)) return undefined;
  if (keyword === '$async') return 'is not supported';
  if (TEXTS.has(keyword) && typeof value !== 'string') return 'is not a text';
  if (keyword === '$ref' && accepted.dangling.has(value as string)) return 'leads nowhere in the schema';
  if (REFERENCES.has(keyword) && keyword !== '$ref' && !(value as string).startsWith('#'))
    return 'leads out of the schema';
  if (keyword === 'pattern' && typeof value === 'string' && !accepted.isPattern(value)) return NO_PATTERN;
  return isTaken(keyword, value, schema, accepted) ? undefined : 'has a value that the keyword does not take';
}

function isTaken(keyword: string, value: unknown, schema: JsonObject, { tuples }: Accepted): boolean {
  switch (keyword) {
    case 'items':
      return isSchema(value) || (tuples && Array.isArray(value));
    case 'enum':
      return Array.isArray(value) && value.length > 0;
    case 'required':
      return Array.isArray(value) && value.every((name) => typeof name === 'string');
    case 'nullable':
      return value === true && schema.type !== undefined;
    default:
      return SUBSCHEMAS.get(keyword) === 'map' ? isObject(value) : isWellFormed(keyword, value);
  }
}

function escape(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
