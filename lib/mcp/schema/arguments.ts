import { type ArgumentError, McpoError } from '../../errors';
import { type Validate, compile } from './compile';
import { type Weight, measure, weigh } from './cost';
import { describe } from './errors';
import { UnguardedError, withTimeLimit, isTimeout } from './time-limit';

/** What is known of a tool's arguments. */
export interface CompiledArguments {
  /** The tool's own schema; `{ type: 'object' }` where that is no schema or too large. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Whether there is anything to say in a request body. */
  readonly takesArguments: boolean;
  /**
   * What is wrong with the arguments of a call, at most 20 things; `undefined` when they are to be sent.
   *
   * @throws McpoError MCPO_SERVER_DOWN when that cannot be found out in bounded time for the moment
   */
  check(args: Readonly<Record<string, unknown>>): readonly ArgumentError[] | undefined;
}

type Args = Readonly<Record<string, unknown>>;
type Schema = Readonly<Record<string, unknown>>;

const MAX_SCHEMA_BYTES = 256 * 1024;
const MAX_SCHEMA_DEPTH = 64;
/** Far below what overflows the stack of a validator or of `JSON.stringify`. */
const MAX_ARGUMENT_DEPTH = 200;
const MAX_LISTED_SIZE = 16 * 1024;
/** In steps of validation: a millisecond or two. */
const MAX_UNGUARDED_COST = 200_000;
const COMPILE_TIMEOUT_MS = 1_000;
const CHECK_TIMEOUT_MS = 50;

/**
 * Prepares the check of a tool's arguments against the JSON Schema that its MCP server gave, which is not trusted:
 * it is compiled at the first check, and neither it nor the arguments can hold the event loop, throw or reach out.
 *
 * Arguments that cannot be checked count as fitting, since the MCP server checks them itself. Where it is the system that
 * fails, nothing is known of the schema: the call is refused, and the next one tries again.
 *
 * @param schema - the tool's `inputSchema`
 * @param options - `warn` is told once why arguments are not, or no longer all, checked, and of each time when none can be
 */
export function compileArguments(schema: unknown, options: { warn(message: string): void }): CompiledArguments {
  const fault = faultOf(schema);
  if (fault !== undefined) {
    options.warn(`inputSchema ${fault}: any object is accepted`);
    return { inputSchema: { type: 'object' }, takesArguments: true, check: (args) => tooDeep(sizeOf(args)) };
  }
  const usable = schema as Schema;
  const checker = new Checker(usable, (message) => {
    options.warn(message);
  });
  return { inputSchema: usable, takesArguments: takesArguments(usable), check: (args) => checker.check(args) };
}

class Checker {
  readonly #schema: Schema;
  readonly #warn: (message: string) => void;
  #weight: Weight = { linear: 0, quadratic: 0 };
  #validate: Validate | undefined;
  #listAll: Validate | undefined;
  #canList = true;
  /** Whether it has been said that there is no guarding a check for now. */
  #isShort = false;
  /** `'cheap'`: only what is surely fast is still checked. */
  #checks: 'all' | 'cheap' | 'nothing' = 'all';

  constructor(schema: Schema, warn: (message: string) => void) {
    this.#schema = schema;
    this.#warn = warn;
  }

  check(args: Args): readonly ArgumentError[] | undefined {
    const size = sizeOf(args);
    const fault = tooDeep(size);
    if (fault || this.#checks === 'nothing') return fault;
    try {
      this.#validate ??= this.#compile();
      return this.#run(this.#validate, args, size);
    } catch (error) {
      if (error instanceof UnguardedError) throw this.#refusal(error);
      this.#giveUp(error);
      return undefined;
    }
  }

  #compile(): Validate {
    this.#weight = weigh(this.#schema);
    return this.#guarded(() => compile(this.#schema, false), COMPILE_TIMEOUT_MS);
  }

  #run(validate: Validate, args: Args, size: number): readonly ArgumentError[] | undefined {
    const isCheap = this.#weight.linear * size + this.#weight.quadratic * size ** 2 <= MAX_UNGUARDED_COST;
    if (!isCheap && this.#checks === 'cheap') return undefined;
    if (isCheap ? validate(args) : this.#guarded(() => validate(args), CHECK_TIMEOUT_MS, 2)) return undefined;
    const first = validate.errors ?? [];
    // What stays on the validator would keep parts of the arguments alive.
    validate.errors = null;
    return describe((size <= MAX_LISTED_SIZE && this.#list(args)) || first);
  }

  /** All errors, where they can be had in time. Their number can explode even where finding the first is cheap. */
  #list(args: Args): Validate['errors'] {
    if (!this.#canList) return undefined;
    try {
      const listAll = (this.#listAll ??= this.#guarded(() => compile(this.#schema, true), COMPILE_TIMEOUT_MS));
      this.#guarded(() => listAll(args), CHECK_TIMEOUT_MS, 2);
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

  #guarded<T>(run: () => T, timeoutMs: number, attempts?: number): T {
    const result = withTimeLimit(run, timeoutMs, attempts);
    this.#isShort = false;
    return result;
  }

  #refusal(error: UnguardedError): McpoError {
    const detail = `the arguments cannot be checked in bounded time: ${error.message}`;
    if (!this.#isShort) this.#warn(`${detail}: calls are refused for now`);
    this.#isShort = true;
    return new McpoError('MCPO_SERVER_DOWN', detail, { retryAfterMs: 1_000, cause: error });
  }

  #giveUp(error: unknown): void {
    if (this.#validate && isTimeout(error)) {
      this.#checks = 'cheap';
      this.#warn(
        `inputSchema takes more than ${CHECK_TIMEOUT_MS} ms to check: only small arguments are checked from now on`,
      );
      return;
    }
    this.#checks = 'nothing';
    this.#validate = undefined;
    this.#warn(`inputSchema cannot be used (${reasonOf(error)}): arguments are not checked`);
  }
}

/** The server may have put anything into its schema, and so into the message of an error. */
function reasonOf(error: unknown): string {
  if (isTimeout(error)) return `it takes more than ${COMPILE_TIMEOUT_MS} ms to compile`;
  return (error instanceof Error ? error.message : String(error)).replace(/\p{Cc}+/gu, ' ').slice(0, 200);
}

function sizeOf(args: Args): number {
  return measure(args, MAX_ARGUMENT_DEPTH);
}

function tooDeep(size: number): readonly ArgumentError[] | undefined {
  if (Number.isFinite(size)) return undefined;
  return [{ pointer: '', message: `must not be nested in more than ${MAX_ARGUMENT_DEPTH} levels` }];
}

function faultOf(schema: unknown): string | undefined {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return 'is not a JSON Schema object';
  if (!Number.isFinite(measure(schema, MAX_SCHEMA_DEPTH))) return `is nested in more than ${MAX_SCHEMA_DEPTH} levels`;
  if (Buffer.byteLength(JSON.stringify(schema)) > MAX_SCHEMA_BYTES) return 'is larger than 256 KiB';
  return undefined;
}

/** Keywords by which a schema without `properties` may still ask for some. */
const SHAPING = [
  ...['$ref', '$dynamicRef', '$recursiveRef', 'allOf', 'anyOf', 'oneOf', 'not', 'if', 'const', 'enum'],
  ...['patternProperties', 'propertyNames', 'dependencies', 'dependentRequired', 'dependentSchemas'],
];

/** `false` for a schema as servers write it for a tool without arguments: it may allow some, but speaks of none. */
function takesArguments(schema: Schema): boolean {
  const { properties, required, minProperties, additionalProperties = false, unevaluatedProperties = false } = schema;
  return (
    SHAPING.some((keyword) => Object.hasOwn(schema, keyword)) ||
    (typeof properties === 'object' && properties !== null && Object.keys(properties).length > 0) ||
    (Array.isArray(required) && required.length > 0) ||
    (typeof minProperties === 'number' && minProperties > 0) ||
    additionalProperties !== false ||
    unevaluatedProperties !== false
  );
}
