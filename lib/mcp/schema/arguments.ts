import type { ErrorObject } from 'ajv';
import { type ArgumentError, McpoError } from '../../errors';
import { holdsExactNumber } from '../../util/exact-json';
import { type JsonObject, isObject } from '../../util/json-object';
import { messageOf } from '../../util/listeners';
import { type Validate, compile, repaired } from './compile';
import { type StandIns, withStandIns } from './exact-numbers';
import { type Weight, measure, weigh } from './cost';
import type { Fault } from './repair';
import { UnguardedError, withTimeLimit, isTimeout } from './time-limit';

/** The compiled input schema of a tool. */
export interface CompiledArguments {
  /** The tool's own schema; `{ type: 'object' }` if that is invalid or too large. */
  readonly inputSchema: JsonObject;
  /** Whether a call can have arguments. */
  readonly takesArguments: boolean;
  /**
   * Validates the arguments of a call: at most 20 errors, or `undefined` if they are valid or cannot be validated.
   *
   * @throws McpoError MCPO_SERVER_DOWN if they cannot be validated in bounded time at present
   */
  check(args: JsonObject): readonly ArgumentError[] | undefined;
}

/** The message for a property that may not be there at all. */
export const NOT_ALLOWED = 'is not allowed';

const MAX_ERRORS = 20;
/** Parts of a schema that a log line names. */
const MAX_FAULTS = 5;
const MAX_MESSAGE_LENGTH = 200;
const MAX_POINTER_LENGTH = 1_024;
const MAX_SCHEMA_BYTES = 256 * 1024;
const MAX_SCHEMA_DEPTH = 64;
/** Far below the depth at which a validator or `JSON.stringify` overflows the stack. */
const MAX_ARGUMENT_DEPTH = 200;
const MAX_LISTED_SIZE = 16 * 1024;
/** In steps of validation, together one or two milliseconds. */
const MAX_UNGUARDED_COST = 200_000;
const COMPILE_TIMEOUT_MS = 1_000;
const CHECK_TIMEOUT_MS = 50;
/** After a check that took too long, only what is certainly fast is validated for this long. */
const PAUSE_S = 60;

/** What is told of a schema and its use. */
export interface CompileOptions {
  /** Called with why arguments are not validated, and whenever resources are lacking. */
  warn(message: string): void;
  /** Called for each call whose arguments pass although not all of them could be validated. */
  unchecked(): void;
}

/**
 * Makes the validator of a tool's arguments. The JSON Schema comes from the MCP server and is not trusted: it is compiled at
 * the first use, and neither schema nor arguments can block the event loop, throw or fetch anything.
 *
 * Arguments that cannot be validated pass, as the MCP server validates them itself. If the system lacks resources, the call
 * is rejected and the next one tries again.
 *
 * @param schema - the tool's `inputSchema`
 */
export function compileArguments(schema: unknown, options: CompileOptions): CompiledArguments {
  const defect = defectOf(schema);
  if (defect !== undefined) {
    options.warn(`inputSchema ${defect}: any object is accepted`);
    const check = (args: JsonObject): ReturnType<typeof tooDeep> => {
      const errors = tooDeep(sizeOf(args));
      if (!errors) options.unchecked();
      return errors;
    };
    return { inputSchema: { type: 'object' }, takesArguments: true, check };
  }
  const usable = schema as JsonObject;
  const checker = new Checker(usable, options);
  return { inputSchema: usable, takesArguments: takesArguments(usable), check: (args) => checker.check(args) };
}

class Checker {
  #schema: JsonObject;
  readonly #options: CompileOptions;
  #weight: Weight = { linear: 0, quadratic: 0 };
  #validate: Validate | undefined;
  /** The validator of arguments with numbers that a double cannot hold. */
  #validateExactly: Validate | undefined;
  #numbers: StandIns['numbers'] = new Map();
  #listAll: Validate | undefined;
  #canList = true;
  /** Whether the present lack of resources has been logged. */
  #isShort = false;
  #isUsable = true;
  /** Until then only what is certainly fast is validated, on the clock of `performance.now()`. */
  #pausedUntil = 0;

  constructor(schema: JsonObject, options: CompileOptions) {
    this.#schema = schema;
    this.#options = options;
  }

  check(args: JsonObject): readonly ArgumentError[] | undefined {
    const size = sizeOf(args);
    const errors = tooDeep(size);
    if (errors) return errors;
    if (this.#isUsable) {
      try {
        this.#validate ??= this.#compile();
        if (this.#canRun(size)) {
          return holdsExactNumber(args) ? this.#runExactly(args) : this.#run(this.#validate, args, size);
        }
      } catch (error) {
        if (error instanceof UnguardedError) throw this.#refusal(error);
        this.#giveUp(error);
      }
    }
    this.#options.unchecked();
    return undefined;
  }

  #compile(): Validate {
    try {
      return this.#compileFirst();
    } catch (error) {
      if (error instanceof UnguardedError || isTimeout(error)) throw error;
      const { schema, faults } = this.#guarded(() => repaired(this.#schema), COMPILE_TIMEOUT_MS);
      if (faults.length === 0) throw error;
      this.#schema = schema;
      const validate = this.#compileFirst();
      this.#options.warn(partly(faults));
      return validate;
    }
  }

  #compileFirst(): Validate {
    this.#weight = weigh(this.#schema);
    return this.#guarded(() => compile(this.#schema, false), COMPILE_TIMEOUT_MS);
  }

  #isCheap(size: number): boolean {
    return this.#weight.linear * size + this.#weight.quadratic * size ** 2 <= MAX_UNGUARDED_COST;
  }

  #canRun(size: number): boolean {
    return this.#isCheap(size) || performance.now() >= this.#pausedUntil;
  }

  #run(validate: Validate, args: JsonObject, size: number): readonly ArgumentError[] | undefined {
    if (this.#isCheap(size) ? validate(args) : this.#guarded(() => validate(args), CHECK_TIMEOUT_MS)) return undefined;
    const first = validate.errors ?? [];
    // The errors would keep parts of the arguments alive.
    validate.errors = null;
    return describe((size <= MAX_LISTED_SIZE && this.#list(args)) || first);
  }

  #runExactly(args: JsonObject): readonly ArgumentError[] | undefined {
    const validate = (this.#validateExactly ??= this.#guarded(
      () => compile(this.#schema, false, (double) => this.#numbers.get(double)),
      COMPILE_TIMEOUT_MS,
    ));
    const { args: withDoubles, numbers } = withStandIns(args);
    this.#numbers = numbers;
    const isValid = this.#guarded(() => validate(withDoubles), CHECK_TIMEOUT_MS);
    const errors = validate.errors ?? [];
    validate.errors = null;
    return isValid ? undefined : describe(errors);
  }

  /** All errors, if they can be found in time: their number may explode even if the first is found fast. */
  #list(args: JsonObject): Validate['errors'] {
    if (!this.#canList) return undefined;
    try {
      const listAll = (this.#listAll ??= this.#guarded(() => compile(this.#schema, true), COMPILE_TIMEOUT_MS));
      this.#guarded(() => listAll(args), CHECK_TIMEOUT_MS);
      const { errors } = listAll;
      listAll.errors = null;
      return errors;
    } catch (error) {
      if (error instanceof UnguardedError) return undefined;
      this.#canList = false;
      this.#listAll = undefined;
      return undefined;
    }
  }

  #guarded<T>(run: () => T, timeoutMs: number): T {
    const result = withTimeLimit(run, timeoutMs);
    this.#isShort = false;
    return result;
  }

  #refusal(error: UnguardedError): McpoError {
    const detail = `the arguments cannot be checked in bounded time: ${error.message}`;
    if (!this.#isShort) this.#options.warn(`${detail}: calls are refused for now; ${error.remedy}`);
    this.#isShort = true;
    return new McpoError('MCPO_SERVER_DOWN', detail, { retryAfterMs: 1_000, cause: error });
  }

  #giveUp(error: unknown): void {
    if (this.#validate && isTimeout(error)) {
      this.#pausedUntil = performance.now() + 1_000 * PAUSE_S;
      const reason = `inputSchema takes more than ${CHECK_TIMEOUT_MS} ms to check`;
      this.#options.warn(`${reason}: for ${PAUSE_S} s only small arguments are checked`);
      return;
    }
    this.#isUsable = false;
    this.#validate = undefined;
    this.#options.warn(`inputSchema cannot be used (${reasonOf(error)}): arguments are not checked`);
  }
}

function partly(faults: readonly Fault[]): string {
  const named = faults.slice(0, MAX_FAULTS).map(({ pointer, reason }) => `${printable(pointer)} ${reason}`);
  const more = faults.length > MAX_FAULTS ? `; and ${faults.length - MAX_FAULTS} more` : '';
  return `inputSchema is checked without these parts: ${named.join('; ')}${more}`;
}

function reasonOf(error: unknown): string {
  return isTimeout(error) ? `it takes more than ${COMPILE_TIMEOUT_MS} ms to compile` : printable(messageOf(error));
}

/** For the log: a schema may hold anything, and the message of an error may quote it. */
function printable(text: string): string {
  return text.slice(0, 200).replace(/\p{Cc}+/gu, ' ');
}

function sizeOf(args: JsonObject): number {
  return measure(args, MAX_ARGUMENT_DEPTH);
}

function tooDeep(size: number): readonly ArgumentError[] | undefined {
  if (Number.isFinite(size)) return undefined;
  return [{ pointer: '', message: `must not be nested in more than ${MAX_ARGUMENT_DEPTH} levels` }];
}

function defectOf(schema: unknown): string | undefined {
  if (!isObject(schema)) return 'is not a JSON Schema object';
  if (!Number.isFinite(measure(schema, MAX_SCHEMA_DEPTH))) return `is nested in more than ${MAX_SCHEMA_DEPTH} levels`;
  if (Buffer.byteLength(JSON.stringify(schema)) > MAX_SCHEMA_BYTES) return 'is larger than 256 KiB';
  return undefined;
}

/** Keywords by which a schema without `properties` may still have some. */
const SHAPING = [
  ...['$ref', '$dynamicRef', '$recursiveRef', 'allOf', 'anyOf', 'oneOf', 'not', 'if', 'const', 'enum'],
  ...['patternProperties', 'propertyNames', 'dependencies', 'dependentRequired', 'dependentSchemas'],
];

/** `false` for a schema that names no arguments, as servers write it for a tool without any. */
function takesArguments(schema: JsonObject): boolean {
  const { properties, required, minProperties, additionalProperties = false, unevaluatedProperties = false } = schema;
  return (
    SHAPING.some((keyword) => Object.hasOwn(schema, keyword)) ||
    (isObject(properties) && Object.keys(properties).length > 0) ||
    (Array.isArray(required) && required.length > 0) ||
    (typeof minProperties === 'number' && minProperties > 0) ||
    additionalProperties !== false ||
    unevaluatedProperties !== false
  );
}

/** Ajv's errors for callers: at most 20, short, without duplicates. */
function describe(errors: readonly ErrorObject[]): readonly ArgumentError[] {
  const described = new Map<string, ArgumentError>();
  for (const error of errors.slice(0, MAX_ERRORS)) {
    // The error in the name has been reported by itself.
    if (error.keyword === 'propertyNames') continue;
    const one = describeOne(error);
    described.set(`${one.pointer}\n${one.message}`, one);
  }
  return [...described.values()];
}

function describeOne(error: ErrorObject): ArgumentError {
  const params = error.params as Readonly<Record<string, unknown>>;
  const at = (property: unknown, message: string): ArgumentError => ({
    pointer: shorten(`${error.instancePath}/${String(property).replaceAll('~', '~0').replaceAll('/', '~1')}`),
    message: abridge(message),
  });
  switch (error.keyword) {
    case 'required':
      return at(params['missingProperty'], 'is required');
    case 'dependencies':
    case 'dependentRequired':
      return at(params['missingProperty'], `is required beside ${JSON.stringify(params['property'])}`);
    case 'additionalProperties':
      return at(params['additionalProperty'], NOT_ALLOWED);
    case 'unevaluatedProperties':
      return at(params['unevaluatedProperty'], NOT_ALLOWED);
  }
  if (error.propertyName !== undefined) return at(error.propertyName, `its name ${errorText(error, params)}`);
  return { pointer: shorten(error.instancePath), message: abridge(errorText(error, params)) };
}

function errorText(error: ErrorObject, params: Readonly<Record<string, unknown>>): string {
  switch (error.keyword) {
    case 'enum':
      return `must be one of ${(params['allowedValues'] as unknown[]).map((value) => JSON.stringify(value)).join(', ')}`;
    case 'const':
      return `must be ${JSON.stringify(params['allowedValue'])}`;
    case 'type':
      return `must be ${String(params['type']).split(',').join(' or ')}`;
    case 'false schema':
      return NOT_ALLOWED;
    default:
      return error.message ?? 'is not valid';
  }
}

/** A pointer of bounded length: a longer one is replaced by that of an outer value. */
function shorten(pointer: string): string {
  return pointer.length <= MAX_POINTER_LENGTH
    ? pointer
    : pointer.slice(0, pointer.lastIndexOf('/', MAX_POINTER_LENGTH));
}

function abridge(message: string): string {
  return message.length <= MAX_MESSAGE_LENGTH ? message : `${message.slice(0, MAX_MESSAGE_LENGTH - 1)}…`;
}
