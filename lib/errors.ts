/** Every error code with its HTTP status and its RFC 9457 title. */
const PROBLEMS = {
  MCPO_CONFIG: { status: 500, title: 'Invalid configuration' },
  MCPO_INVALID_JSON: { status: 400, title: 'Body is not valid JSON' },
  MCPO_INVALID_BODY: { status: 400, title: 'Body is not a JSON object' },
  MCPO_INVALID_HEADER: { status: 400, title: 'Invalid header' },
  MCPO_REJECTED: { status: 400, title: 'Request rejected by the MCP server' },
  MCPO_UNAUTHORIZED: { status: 401, title: 'Authentication required' },
  MCPO_FORBIDDEN: { status: 403, title: 'Not allowed' },
  MCPO_FORBIDDEN_ORIGIN: { status: 403, title: 'Cross-site request blocked' },
  MCPO_FORBIDDEN_HOST: { status: 403, title: 'Host not allowed' },
  MCPO_UNKNOWN_SERVER: { status: 404, title: 'Unknown server' },
  MCPO_UNKNOWN_SESSION: { status: 404, title: 'Unknown session' },
  MCPO_UNKNOWN_TOOL: { status: 404, title: 'Unknown tool' },
  MCPO_METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  MCPO_BODY_TOO_LARGE: { status: 413, title: 'Body too large' },
  MCPO_UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'Unsupported media type' },
  MCPO_INVALID_ARGUMENTS: { status: 422, title: 'Invalid arguments' },
  MCPO_RATE_LIMITED: { status: 429, title: 'Too many requests' },
  MCPO_UPSTREAM_RATE_LIMITED: { status: 429, title: 'Rate limited by the MCP server' },
  MCPO_CALLER_GONE: { status: 499, title: 'Client closed the request' },
  MCPO_TOOL_ERROR: { status: 500, title: 'Tool failed' },
  MCPO_SERVER_ERROR: { status: 500, title: 'Error from the MCP server' },
  MCPO_INTERNAL: { status: 500, title: 'Internal error' },
  MCPO_CONNECTION_LOST: { status: 502, title: 'Connection to the MCP server lost' },
  MCPO_BAD_RESPONSE: { status: 502, title: 'Invalid response from the MCP server' },
  MCPO_AUTH_UNAVAILABLE: { status: 503, title: 'Authentication unavailable' },
  MCPO_SERVER_DOWN: { status: 503, title: 'MCP server unavailable' },
  MCPO_BREAKER_OPEN: { status: 503, title: 'Circuit breaker open' },
  MCPO_QUEUE_FULL: { status: 503, title: 'Queue full' },
  MCPO_QUEUE_TIMEOUT: { status: 503, title: 'Queue timeout' },
  MCPO_POOL_EXHAUSTED: { status: 503, title: 'Connection pool exhausted' },
  MCPO_OVERLOADED: { status: 503, title: 'Overloaded' },
  MCPO_CLOSING: { status: 503, title: 'Shutting down' },
  MCPO_TIMEOUT: { status: 504, title: 'MCP server timeout' },
} as const satisfies Record<string, { status: number; title: string }>;

/** A stable error code; docs/http-api.md lists all with their HTTP status. */
export type ErrorCode = keyof typeof PROBLEMS;

/** All error codes, in the order of their HTTP status. */
export const ERROR_CODES = Object.keys(PROBLEMS) as readonly ErrorCode[];

/** One validation error in the arguments of a call. */
export interface ArgumentError {
  /** Where: a JSON Pointer (RFC 6901) into the request body. `""` is the body itself. */
  readonly pointer: string;
  /** What is wrong there. */
  readonly message: string;
}

/** What an {@link McpoError} carries besides its code and detail. */
export interface McpoErrorOptions {
  /** The underlying error; never shown to a caller. */
  readonly cause?: unknown;
  /** Response headers, such as `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** When to try again, in milliseconds from now. Becomes `Retry-After`, in whole seconds. */
  readonly retryAfterMs?: number;
  /** `'unknown'` if the tool may have run although no answer arrived. */
  readonly outcome?: 'unknown';
  /** The validation errors. */
  readonly errors?: readonly ArgumentError[];
}

/** An error as RFC 9457 problem details. The response adds `instance`, `requestId`, `server` and `tool`. */
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
 * The error class of this package: a stable `code`, the HTTP `status` and `headers` of the response, and a message that
 * is safe to show to a caller.
 */
export class McpoError extends Error {
  readonly [BRAND] = true;
  override readonly name: string = 'McpoError';
  readonly code: ErrorCode;
  /** HTTP status, under the name that Express's error handler reads. */
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

  /** This error as problem details, without stack and cause. */
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

/** An invalid option or environment variable. The message begins with its path. */
export class ConfigError extends McpoError {
  /** The path of the option, such as `pool.maxConnections`, or the name of the environment variable. */
  readonly path: string;
  override readonly name = 'ConfigError';

  /**
   * @param path - the option's path or the variable's name
   * @param remedy - what it must be, such as `must be an integer of at least 1`
   * @param got - the invalid value; left out where it may be a secret
   */
  constructor(path: string, remedy: string, got?: { readonly value: unknown }) {
    super('MCPO_CONFIG', `${path} ${remedy}${got ? `, got ${show(got.value)}` : ''}`);
    this.path = path;
  }
}

/** Whether a value is an {@link McpoError}, of this or another copy of the package. */
export function isMcpoError(value: unknown): value is McpoError {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/** Returns an {@link McpoError} as it is, and hides anything else behind MCPO_INTERNAL. */
export function toMcpoError(error: unknown): McpoError {
  return isMcpoError(error) ? error : new McpoError('MCPO_INTERNAL', 'an internal error occurred', { cause: error });
}

/** The error of a call whose caller has closed the connection. */
export function callerGone(options?: McpoErrorOptions): McpoError {
  return new McpoError('MCPO_CALLER_GONE', 'the caller closed the connection', options);
}

/** Makes a process warning of an error that nobody catches, such as one of a listener. */
export function warn(error: unknown): void {
  let text: Error | string = 'an object without a text form was thrown';
  try {
    text = error instanceof Error ? error : String(error);
  } catch {
    // An object without a prototype has no text form.
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
    // A circular value has no JSON form.
  }
  return (text ?? String(value)).slice(0, 100);
}
