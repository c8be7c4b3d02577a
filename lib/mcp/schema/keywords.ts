import { type JsonObject, isObject } from '../../util/json-object';

/** A JSON Schema. */
export type Schema = JsonObject | boolean;

/** The keywords with subschemas in any draft: one (or, in old drafts, a list of `items`), a list, or a map. */
export const SUBSCHEMAS: ReadonlyMap<string, 'one' | 'list' | 'map'> = new Map([
  ...['additionalItems', 'additionalProperties', 'contains', 'contentSchema', 'else', 'if', 'items', 'not'].map(one),
  ...['propertyNames', 'then', 'unevaluatedItems', 'unevaluatedProperties'].map(one),
  ...['allOf', 'anyOf', 'oneOf', 'prefixItems'].map((key) => [key, 'list'] as const),
  ...['$defs', 'definitions', 'dependencies', 'dependentSchemas', 'patternProperties', 'properties'].map(
    (key) => [key, 'map'] as const,
  ),
]);

function one(key: string): readonly [string, 'one'] {
  return [key, 'one'];
}

const TYPES = new Set<unknown>(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']);

const isString = (value: unknown): boolean => typeof value === 'string';
const isBoolean = (value: unknown): boolean => typeof value === 'boolean';
const isNumber = (value: unknown): boolean => typeof value === 'number';
const isCount = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0;
const isNames = (value: unknown): boolean =>
  Array.isArray(value) && value.every(isString) && new Set(value).size === value.length;

const isTypes = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && isNames(value) && value.every((type) => TYPES.has(type));

/** The valid values of keywords in OpenAPI 3.1. */
const FORM: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ...group(isString, ['$comment', 'contentEncoding', 'contentMediaType', 'description', 'format', 'pattern', 'title']),
  ...group(isBoolean, ['deprecated', 'readOnly', 'uniqueItems', 'writeOnly']),
  ...group(isNumber, ['exclusiveMaximum', 'exclusiveMinimum', 'maximum', 'minimum']),
  ...group(isCount, ['maxContains', 'maxItems', 'maxLength', 'maxProperties']),
  ...group(isCount, ['minContains', 'minItems', 'minLength', 'minProperties']),
  ...group((value) => isNumber(value) && Number(value) > 0, ['multipleOf']),
  ...group(Array.isArray, ['enum', 'examples']),
  ...group(isNames, ['required']),
  ...group((value) => isObject(value) && Object.values(value).every(isNames), ['dependentRequired']),
  ...group((value) => TYPES.has(value) || isTypes(value), ['type']),
  ...group((value) => isObject(value) && isString(value.propertyName), ['discriminator']),
  ...group((value) => isObject(value) && isString(value.url), ['externalDocs']),
  ...group(isObject, ['xml', 'dependentSchemas', 'patternProperties', 'properties']),
  ...group((value) => Array.isArray(value) && value.length > 0, ['allOf', 'anyOf', 'oneOf', 'prefixItems']),
]);

function group(
  form: (value: unknown) => boolean,
  keys: readonly string[],
): (readonly [string, (value: unknown) => boolean])[] {
  return keys.map((key) => [key, form]);
}

/** Whether a value is valid for a keyword of OpenAPI 3.1. */
export function isWellFormed(keyword: string, value: unknown): boolean {
  if (SUBSCHEMAS.get(keyword) === 'one') return isSchema(value);
  return FORM.get(keyword)?.(value) ?? true;
}

/** Whether a value may be a schema. */
export function isSchema(value: unknown): value is Schema {
  return typeof value === 'boolean' || isObject(value);
}

/** The direct subschemas of a schema. (enum, const, default and examples are data.) */
export function subschemas(schema: JsonObject): unknown[] {
  return Object.entries(schema).flatMap(([key, value]) => {
    if (!SUBSCHEMAS.has(key)) return [];
    return SUBSCHEMAS.get(key) === 'map' && isObject(value) ? Object.values(value) : value;
  });
}

const FORMAT_ASSERTION = 'https://json-schema.org/draft/2020-12/vocab/format-assertion';

/** Whether `format` is more than an annotation, as it is by the `$vocabulary` of a schema alone. */
export function isFormatAsserted({ $vocabulary }: JsonObject): boolean {
  return isObject($vocabulary) && $vocabulary[FORMAT_ASSERTION] === true;
}
