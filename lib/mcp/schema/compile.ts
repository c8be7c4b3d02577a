import { Ajv, type ErrorObject, type Options } from 'ajv';
import type AjvCore from 'ajv/dist/core';
import { Ajv2019 } from 'ajv/dist/2019';
import { Ajv2020 } from 'ajv/dist/2020';
import ajvEqual from 'ajv/dist/runtime/equal';
import AjvDraft04 from 'ajv-draft-04';
import reference from 'ajv/dist/vocabularies/core/ref';
import addFormats from 'ajv-formats';
import type { JsonObject } from '../../util/json-object';
import { type LookUp, judgeExactly } from './exact-numbers';
import { isFormatAsserted } from './keywords';
import { type Repaired, repair } from './repair';

/** A compiled schema: whether a value matches it, else why in `errors`. */
export interface Validate {
  (value: unknown): unknown;
  errors?: ErrorObject[] | null;
}

/** V8 compiles a regular expression synchronously: some of a few hundred KiB take seconds. */
const MAX_PATTERN_LENGTH = 2_048;
const JSON_SCHEMA = /^https?:\/\/json-schema\.org\/(draft-0[467]|draft\/2019-09)\/schema#?$/;

const DIALECTS = {
  'draft-04': AjvDraft04,
  'draft-06': Ajv,
  'draft-07': Ajv,
  'draft/2019-09': Ajv2019,
  'draft/2020-12': Ajv2020,
} as const;

/**
 * Compiles a JSON Schema in the dialect of its `$schema`, else in 2020-12 (the default of MCP), else in draft-07.
 *
 * Each schema has an Ajv of its own, which is released with the validator and in which equal `$id`s cannot collide. Nothing
 * is fetched, coerced, defaulted or changed.
 *
 * @param allErrors - whether `errors` has all errors instead of the first
 * @param lookUp - which numbers doubles stand for; absent where they stand for themselves
 * @throws Error if the schema cannot be compiled
 */
export function compile(schema: JsonObject, allErrors: boolean, lookUp?: LookUp): Validate {
  const dialect = dialectOf(schema);
  if (dialect !== undefined) return compileAs(dialect, schema, allErrors, lookUp);
  try {
    return compileAs('draft/2020-12', schema, allErrors, lookUp);
  } catch (error) {
    // Many servers write draft-07 without `$schema`.
    try {
      return compileAs('draft-07', schema, allErrors, lookUp);
    } catch {
      throw error;
    }
  }
}

/** What can be compiled of a schema that as a whole cannot be. */
export function repaired(schema: JsonObject): Repaired {
  const dangling = new Set<string>();
  const dialect = dialectOf(schema) ?? 'draft/2020-12';
  const accepted = { tuples: dialect !== 'draft/2020-12', dangling, isPattern: isRegex };
  const { schema: wellFormed } = repair(schema, accepted);
  const ajv = ajvOf(dialect, schema, false);
  ajv.removeKeyword('$ref');
  ajv.addKeyword({
    keyword: '$ref',
    schemaType: 'string',
    code(context) {
      try {
        reference.code(context);
      } catch {
        dangling.add(context.schema as string);
      }
    },
  });
  ajv.compile(wellFormed);
  return repair(schema, accepted);
}

function dialectOf({ $schema }: JsonObject): keyof typeof DIALECTS | undefined {
  const dialect = typeof $schema === 'string' ? JSON_SCHEMA.exec($schema)?.[1] : undefined;
  return dialect as keyof typeof DIALECTS | undefined;
}

function compileAs(
  dialect: keyof typeof DIALECTS,
  schema: JsonObject,
  allErrors: boolean,
  lookUp: LookUp | undefined,
): Validate {
  const ajv = ajvOf(dialect, schema, allErrors);
  if (lookUp) judgeExactly(ajv, lookUp, jsonEqual);
  const validate = ajv.compile(schema);
  if ('$async' in validate) throw new Error('"$async" is not supported');
  return validate;
}

function ajvOf(dialect: keyof typeof DIALECTS, schema: JsonObject, allErrors: boolean): AjvCore {
  const assertsFormats = isFormatAsserted(schema);
  const ajv = new DIALECTS[dialect]({ ...optionsFor(allErrors), validateFormats: assertsFormats });
  if (assertsFormats) addFormats(ajv, { mode: 'full' }).addFormat('regex', isRegex);
  // Ajv rejects draft-04's `id` in later dialects, where it has no meaning.
  ajv.removeKeyword('id');
  // Replaces Ajv's own comparison, which calls members such as `valueOf`.
  ajv.scope.value('func', { key: ajvEqual, ref: jsonEqual });
  return ajv;
}

function optionsFor(allErrors: boolean): Options {
  return {
    allErrors,
    strict: false,
    // Validation against the meta-schema costs more than the schema; Ajv checks each keyword anyway.
    meta: false,
    validateSchema: false,
    ownProperties: true,
    // Inlining lets a hostile schema grow the code without bound.
    inlineRefs: false,
    logger: false,
    // Optimising takes most of the compilation time of a large schema, and V8 does it anyway.
    code: { regExp, optimize: false },
  };
}

const regExp = Object.assign(
  (pattern: string, flags: string): RegExp => {
    if (pattern.length > MAX_PATTERN_LENGTH)
      throw new Error(`a pattern is longer than ${MAX_PATTERN_LENGTH} characters`);
    try {
      return new RegExp(pattern, flags);
    } catch {
      // Some patterns are invalid in Unicode mode only: `\-`, `[\w-.]`.
      return new RegExp(pattern);
    }
  },
  { code: 'new RegExp' },
);

function isRegex(text: string): boolean {
  try {
    return Boolean(regExp(text, 'u'));
  } catch {
    return false;
  }
}

/**
 * Whether two JSON values are equal, whatever the order of members and the sign of zero. Unlike libraries that compare any
 * JavaScript value, it treats members such as `valueOf` and `constructor` like all others. Recursive.
 *
 * @param isNumber - decides of two numbers that differ
 */
export function jsonEqual(one: unknown, other: unknown, isNumber?: (one: number, other: number) => boolean): boolean {
  if (one === other) return true;
  if (isNumber && typeof one === 'number' && typeof other === 'number') return isNumber(one, other);
  if (!isContainer(one) || !isContainer(other) || Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && jsonEqual(one[key], other[key], isNumber))
  );
}

function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
