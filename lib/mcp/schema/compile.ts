import { Ajv, type ErrorObject, type Options } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019';
import { Ajv2020 } from 'ajv/dist/2020';
import ajvEqual from 'ajv/dist/runtime/equal';
import AjvDraft04 from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import { jsonEqual } from './json-equal';

/** A compiled schema: whether a value fits it, and if not, why in `errors`. */
export interface Validate {
  (value: unknown): unknown;
  errors?: ErrorObject[] | null;
}

/** V8 compiles a regular expression in one go, and some of a few hundred KiB take it seconds. */
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
 * Compiles a JSON Schema in the dialect of its `$schema`, else in 2020-12, as MCP has it, or in draft-07 where that fails.
 *
 * Each schema has an Ajv of its own: what Ajv remembers goes with the validator, and equal `$id`s never meet.
 * Nothing is fetched, coerced, defaulted or changed.
 *
 * @param allErrors - whether `errors` holds everything that is wrong instead of the first thing
 * @throws Error when the schema cannot be compiled
 */
export function compile(schema: Readonly<Record<string, unknown>>, allErrors: boolean): Validate {
  const dialect = typeof schema['$schema'] === 'string' ? JSON_SCHEMA.exec(schema['$schema'])?.[1] : undefined;
  if (dialect !== undefined) return compileAs(dialect as keyof typeof DIALECTS, schema, allErrors);
  try {
    return compileAs('draft/2020-12', schema, allErrors);
  } catch (error) {
    // Many servers write draft-07 without saying so.
    try {
      return compileAs('draft-07', schema, allErrors);
    } catch {
      throw error;
    }
  }
}

function compileAs(
  dialect: keyof typeof DIALECTS,
  schema: Readonly<Record<string, unknown>>,
  allErrors: boolean,
): Validate {
  const ajv = new DIALECTS[dialect](optionsFor(allErrors));
  addFormats(ajv, { mode: 'full' });
  ajv.addFormat('regex', isRegex);
  // Ajv refuses schemas that hold draft-04's `id` under a later dialect, where it means nothing.
  ajv.removeKeyword('id');
  // Ajv's own goes by members like `valueOf`, which arguments may have: what is known in its place is taken.
  ajv.scope.value('func', { key: ajvEqual, ref: jsonEqual });
  const validate = ajv.compile(schema);
  if ('$async' in validate) throw new Error('"$async" is not supported');
  return validate;
}

function optionsFor(allErrors: boolean): Options {
  return {
    allErrors,
    strict: false,
    // The meta-schemas would cost more than the schema; Ajv checks each keyword that it compiles anyway.
    meta: false,
    validateSchema: false,
    ownProperties: true,
    // An inlined definition grows the code each time it is used, which a hostile schema can do without end.
    inlineRefs: false,
    logger: false,
    // Optimising takes most of the time of compiling a large schema; V8 does it anyway.
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
      // Not all that is a pattern elsewhere is one in Unicode mode: `\-`, `[\w-.]`.
      return new RegExp(pattern);
    }
  },
  { code: 'new RegExp' },
);

function isRegex(text: string): boolean {
  if (text.length > MAX_PATTERN_LENGTH) return true;
  try {
    return Boolean(regExp(text, 'u'));
  } catch {
    return false;
  }
}
