/** Every code a caller can meet, with the HTTP status and the RFC 9457 title that go with it. */
const PROBLEMS = {
  MCPO_CONFIG: { status: 500, title: 'Invalid configuration' },
  MCPO_INVALID_JSON: { status: 400, title: 'Body is not valid JSON' },
  MCPO_INVALID_BODY: { status: 400, title: 'Body is not a JSON object' },
  MCPO_INVALID_HEADER: { status: 400, title: 'Header cannot be forwarded' },
  MCPO_REJECTED: { status: 400, title: 'Request rejected by the MCP server' },
  MCPO_UNAUTHORIZED: { status: 401, title: 'Authentication required' },
  MCPO_FORBIDDEN_ORIGIN: { status: 403, title: 'Cross-site request refused' },
  MCPO_FORBIDDEN_HOST: { status: 403, title: 'Host not allowed' },
  MCPO_UNKNOWN_SERVER: { status: 404, title: 'No such server' },
  MCPO_UNKNOWN_SESSION: { status: 404, title: 'Unknown session' },
  MCPO_UNKNOWN_TOOL: { status: 404, title: 'No such tool' },
  MCPO_METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  MCPO_BODY_TOO_LARGE: { status: 413, title: 'Body too large' },
  MCPO_UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'Unsupported media type' },
  MCPO_INVALID_ARGUMENTS: { status: 422, title: 'Invalid arguments' },
  MCPO_UPSTREAM_RATE_LIMITED: { status: 429, title: 'Rate limited by the MCP server' },
  MCPO_CALLER_GONE: { status: 499, title: 'Caller closed the connection' },
  MCPO_TOOL_ERROR: { status: 500, title: 'Tool failed' },
  MCPO_SERVER_ERROR: { status: 500, title: 'MCP server reported an error' },
  MCPO_INTERNAL: { status: 500, title: 'Internal error' },
  MCPO_CONNECTION_LOST: { status: 502, title: 'MCP server broke off' },
  MCPO_BAD_RESPONSE: { status: 502, title: 'MCP server answered nonsense' },
  MCPO_SERVER_DOWN: { status: 503, title: 'MCP server unavailable' },
  MCPO_BREAKER_OPEN: { status: 503, title: 'MCP server keeps failing' },
  MCPO_QUEUE_FULL: { status: 503, title: 'Too many calls waiting' },
  MCPO_QUEUE_TIMEOUT: { status: 503, title: 'Waited too long to be run' },
  MCPO_POOL_EXHAUSTED: { status: 503, title: 'No connection free' },
  MCPO_CLOSING: { status: 503, title: 'Shutting down' },
  MCPO_TIMEOUT: { status: 504, title: 'MCP server did not answer in time' },
} as const satisfies Record<string, { status: number; title: string }>;

/** A stable identifier of what went wrong; the README lists each with its HTTP status. */
export type ErrorCode = keyof typeof PROBLEMS;

/** All error codes, in the order of their HTTP status. */
export const ERROR_CODES = Object.keys(PROBLEMS) as readonly ErrorCode[];

/** One complaint about the arguments of a call. */
export interface ArgumentError {
  /** Where: a JSON Pointer (RFC 6901) into the request body; `""` is the body itself. */
  readonly pointer: string;
  /** What is wrong there. */
  readonly message: string;
}

/** What an {@link McpoError} carries beside its code and detail. */
export interface McpoErrorOptions {
  /** The error behind this one; never shown to a caller. */
  readonly cause?: unknown;
  /** Response headers that belong to this error, such as `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** When a new try makes sense, in milliseconds from now: becomes `Retry-After`, in whole seconds. */
  readonly retryAfterMs?: number;
  /** `'unknown'` where the tool may have run although no answer arrived. */
  readonly outcome?: 'unknown';
  /** Each complaint about the arguments. */
  readonly errors?: readonly ArgumentError[];
}

/** An error as RFC 9457 problem details; the reply adds `instance`, `server` and `tool`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly outcome?: 'unknown';
  readonly errors?: readonly ArgumentError[];
}

const BRAND = Symbol.for('express-mcpo.error');

/**
 * The one error class of this package: a stable `code`, the HTTP `status` and `headers` it answers with, and a
 * message that is safe to show to a caller.
 */
export class McpoError extends Error {
  readonly [BRAND] = true;
  override readonly name: string = 'McpoError';
  readonly code: ErrorCode;
  /** HTTP status; named as Express's own error handler reads it. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly outcome: 'unknown' | undefined;
  readonly errors: readonly ArgumentError[] | undefined;

  constructor(code: ErrorCode, detail: string, options: McpoErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = PROBLEMS[code].status;
    this.headers =
      options.retryAfterMs === undefined
        ? (options.headers ?? {})
        : { ...options.headers, 'Retry-After': String(Math.max(1, Math.ceil(options.retryAfterMs / 1000))) };
    this.outcome = options.outcome;
    this.errors = options.errors;
  }

  /** This error as problem details: no stack, no cause. */
  toJSON(): Problem {
    return {
      type: `urn:express-mcpo:problem:${this.code.slice('MCPO_'.length).toLowerCase().replaceAll('_', '-')}`,
      title: PROBLEMS[this.code].title,
      status: this.status,
      detail: this.message,
      code: this.code,
      ...(this.outcome && { outcome: this.outcome }),
      ...(this.errors && { errors: this.errors }),
    };
  }
}

/** Thrown by `mcpoRouter()` for an option or environment variable that cannot work; the message begins with its path. */
export class ConfigError extends McpoError {
  /** Where in the options, such as `pool.maxConnections`, or the name of the environment variable. */
  readonly path: string;
  override readonly name = 'ConfigError';

  /**
   * @param path - the option's path or the variable's name
   * @param remedy - what it must be, such as `must be an integer of at least 1`
   * @param got - the value that was found; left out where it may be a secret
   */
  constructor(path: string, remedy: string, got?: { readonly value: unknown }) {
    super('MCPO_CONFIG', `${path} ${remedy}${got ? `, got ${show(got.value)}` : ''}`);
    this.path = path;
  }
}

/** Whether a value is an {@link McpoError}, also one of another copy of this package. */
export function isMcpoError(value: unknown): value is McpoError {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/** What was thrown, if it is an {@link McpoError}; otherwise an MCPO_INTERNAL that says nothing of it. */
export function toMcpoError(error: unknown): McpoError {
  return isMcpoError(error) ? error : new McpoError('MCPO_INTERNAL', 'an internal error occurred', { cause: error });
}

/** Says of an error that nobody waits for, such as a listener's, by a process warning. */
export function warn(error: unknown): void {
  let text: Error | string = 'something that has no text was thrown';
  try {
    text = error instanceof Error ? error : String(error);
  } catch {
    // An object without a prototype cannot be made a text.
  }
  process.emitWarning(text);
}

function show(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'number') return String(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A circular value has no JSON; its type must do.
  }
  return (text ?? String(value)).slice(0, 100);
}
