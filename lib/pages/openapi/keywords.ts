/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A JSON Schema. */
export type Schema = JsonObject | boolean;

/** The keywords that hold schemas, in any draft: one (`items` of old: or a list), a list, or a map by name. */
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

/** What the value of a keyword must be where the dialect of OpenAPI 3.1 says so; anything else has no meaning. */
const FORM: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ...group(isString, ['$comment', 'contentEncoding', 'contentMediaType', 'description', 'format', 'pattern', 'title']),
  ...group(isBoolean, ['deprecated', 'readOnly', 'uniqueItems', 'writeOnly']),
  ...group(isNumber, ['exclusiveMaximum', 'exclusiveMinimum', 'maximum', 'minimum']),
  ...group(isCount, ['maxContains', 'maxItems', 'maxLength', 'maxProperties']),
  ...group(isCount, ['minContains', 'minItems', 'minLength', 'minProperties']),
  ...group((value) => isNumber(value) && Number(value) > 0, ['multipleOf']),
  ...group(Array.isArray, ['enum', 'examples']),
  ...group(isNames, ['required']),
  ...group((value) => isJsonObject(value) && Object.values(value).every(isNames), ['dependentRequired']),
  ...group((value) => TYPES.has(value) || isTypes(value), ['type']),
  ...group((value) => isJsonObject(value) && isString(value.propertyName), ['discriminator']),
  ...group((value) => isJsonObject(value) && isString(value.url), ['externalDocs']),
  ...group(isJsonObject, ['xml', 'dependentSchemas', 'patternProperties', 'properties']),
  ...group((value) => Array.isArray(value) && value.length > 0, ['allOf', 'anyOf', 'oneOf', 'prefixItems']),
]);

function group(
  form: (value: unknown) => boolean,
  keys: readonly string[],
): (readonly [string, (value: unknown) => boolean])[] {
  return keys.map((key) => [key, form]);
}

/** Whether this value can stand for this keyword in an OpenAPI 3.1 document. */
export function isWellFormed(keyword: string, value: unknown): boolean {
  if (SUBSCHEMAS.get(keyword) === 'one') return isSchema(value);
  return FORM.get(keyword)?.(value) ?? true;
}

/** Whether a value is an object, not an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value can be a schema. */
export function isSchema(value: unknown): value is Schema {
  return typeof value === 'boolean' || isJsonObject(value);
}

/** The values directly inside a schema that stand where a schema belongs; enum, const, default and examples are data. */
export function subschemas(schema: JsonObject): unknown[] {
  return Object.entries(schema).flatMap(([key, value]) => {
    if (!SUBSCHEMAS.has(key)) return [];
    return SUBSCHEMAS.get(key) === 'map' && isJsonObject(value) ? Object.values(value) : value;
  });
}
