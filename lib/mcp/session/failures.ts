import { types } from 'node:util';
import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ErrorCode as RpcCode, type JSONRPCMessage, McpError as RpcError } from '@modelcontextprotocol/sdk/types.js';
import { type ErrorCode, McpoError, isMcpoError } from '../../errors';
import { isObject } from '../../util/json-object';

const MAX_MESSAGE = 2_000;

const BY_RPC_CODE: Readonly<Record<number, ErrorCode>> = {
  [RpcCode.ParseError]: 'MCPO_REJECTED',
  [RpcCode.InvalidRequest]: 'MCPO_REJECTED',
  [RpcCode.InvalidParams]: 'MCPO_INVALID_ARGUMENTS',
};

// What the SDK itself says of a closed connection; a server may use the same code.
const CONNECTION_CLOSED: number = RpcCode.ConnectionClosed;
const METHOD_NOT_FOUND: number = RpcCode.MethodNotFound;
const INVALID_PARAMS: number = RpcCode.InvalidParams;
const URL_ELICITATION: number = RpcCode.UrlElicitationRequired;
const MAX_URLS = 3;
// How servers say it with the code of invalid parameters: "Unknown tool: x", "Tool x not found".
const UNKNOWN_TOOL = /\b(?:unknown|no such) tool\b|\btool\b.{0,200}\bnot found\b/is;

// System errors of a connection that was never made: nothing can have been sent.
const NOT_CONNECTED = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EMFILE|ENFILE)$/;
const CONNECT_TIMEOUT = 'UND_ERR_CONNECT_TIMEOUT';

/** The `data` of the error that a transport makes for a request whose answer can no longer arrive. */
export const BROKEN_OFF = Object.freeze({ reason: 'connection lost' });

/** The same for an invalid JSON-RPC response. */
export const INVALID_MESSAGE = Object.freeze({ reason: 'invalid response' });

/** Whether a message is an error that was made here for a request that failed, not received. */
export function isOwnError(message: JSONRPCMessage): boolean {
  return 'error' in message && (message.error.data === BROKEN_OFF || types.isNativeError(message.error.data));
}

/** Nothing was sent: another try is safe. */
class NotSent extends McpoError {}

export function notSent(detail: string, cause?: unknown): McpoError {
  return new NotSent('MCPO_SERVER_DOWN', detail, { retryAfterMs: 1_000, cause });
}

/** Nothing was sent because the connection was lost before: another connection may work. */
class ConnectionGone extends NotSent {}

/** The server no longer knew the session when it received the call. */
class SessionForgotten extends ConnectionGone {}

export function connectionGone(detail: string, cause?: unknown): McpoError {
  return new ConnectionGone('MCPO_SERVER_DOWN', detail, { retryAfterMs: 1_000, cause });
}

export function isConnectionGone(error: unknown): boolean {
  return error instanceof ConnectionGone;
}

export function isSessionForgotten(error: unknown): boolean {
  return error instanceof SessionForgotten;
}

export function isNotSent(error: unknown): boolean {
  return error instanceof NotSent;
}

/** Status 429: too many requests with this credential. */
export class RateLimited extends NotSent {
  /** `undefined` if the server did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(retryAfterMs: number | undefined) {
    const options = { retryAfterMs: retryAfterMs ?? 1_000 };
    super('MCPO_UPSTREAM_RATE_LIMITED', 'the MCP server takes no more calls for now', options);
    this.retryAfterMs = retryAfterMs;
  }
}

/** A server may be wrong by years. */
const LONGEST_RETRY_AFTER_MS = 24 * 3_600_000;

/** @param header - `Retry-After` of a 429: seconds or a date (RFC 9110, section 10.2.3) */
export function rateLimited(header: string | undefined): RateLimited {
  const text = header?.trim() ?? '';
  // `Date.parse` takes `1.5` for a day in January; HTTP's dates begin with the day of the week.
  const date = /^[A-Z]/i.test(text) ? Date.parse(text) - Date.now() : NaN;
  const ms = /^\d+$/.test(text) ? 1_000 * Number(text) : date;
  return new RateLimited(ms > 0 ? Math.min(ms, LONGEST_RETRY_AFTER_MS) : undefined);
}

/** The connection was lost while the tool may have been running. */
function connectionLost(cause?: unknown): McpoError {
  return new McpoError('MCPO_CONNECTION_LOST', 'the connection to the MCP server was lost before it answered', {
    outcome: 'unknown',
    cause,
  });
}

export function badResponse(cause?: unknown): McpoError {
  return new McpoError('MCPO_BAD_RESPONSE', 'invalid response from the MCP server', { outcome: 'unknown', cause });
}

/** Whether the server does not know what was asked for: streamable HTTP, the session, or just this message. */
export function isUnknownThere(error: unknown): boolean {
  return error instanceof StreamableHTTPError && (error.code === 404 || error.code === 400);
}

/** Whether a server refused a message by an HTTP status, so that it is there. */
export function isRefusal(error: unknown): boolean {
  return error instanceof StreamableHTTPError && Number(error.code) >= 400 && Number(error.code) < 500;
}

/** Whether a server's error to a call may mean that it has no such tool (any more), or another of that name. */
export function deniesTool({ cause }: McpoError): boolean {
  return cause instanceof RpcError && (cause.code === METHOD_NOT_FOUND || cause.code === INVALID_PARAMS);
}

/** Whether the server answered that it does not know the method. */
export function isMethodUnknown(error: unknown): boolean {
  return error instanceof RpcError && error.code === METHOD_NOT_FOUND;
}

function isUnreachable(error: unknown): boolean {
  for (let each = error; types.isNativeError(each); each = each.cause) {
    const { code, syscall } = each as NodeJS.ErrnoException;
    if (code === CONNECT_TIMEOUT) return true;
    // A connection that was made can break with the same codes, after something was sent.
    if (NOT_CONNECTED.test(String(code)) && /^(?:connect|getaddrinfo)$/.test(String(syscall))) return true;
    const { errors } = each as Partial<AggregateError>;
    if (Array.isArray(errors) && errors.length > 0) return errors.every(isUnreachable);
  }
  return false;
}

/** What is known of the connection on which a request failed. */
export interface FailedOn {
  readonly closed: boolean;
  /** Whether it is proved that the server has forgotten the session. */
  readonly forgotten: boolean;
}

/** What a failed request means to the caller of a tool. Local time-outs and cancellations are the caller's to know. */
export function asMcpoError(error: unknown, { closed, forgotten }: FailedOn): McpoError {
  if (isMcpoError(error)) return error;
  if (error instanceof RpcError) return fromRpc(error, closed);
  if (forgotten) {
    const detail = 'the MCP server has forgotten the session';
    return new SessionForgotten('MCPO_SERVER_DOWN', detail, { retryAfterMs: 1_000, cause: error });
  }
  if (isUnreachable(error)) return connectionGone('the MCP server cannot be reached', error);
  if (error instanceof StreamableHTTPError) return fromHttp(error);
  return closed || isNetworkError(error) ? connectionLost(error) : badResponse(error);
}

function fromRpc(error: RpcError, closed: boolean): McpoError {
  if (error.data === INVALID_MESSAGE) return badResponse(error);
  if (error.data === BROKEN_OFF || (closed && error.code === CONNECTION_CLOSED)) return connectionLost(error);
  // The SDK puts this before the server's own words.
  const words = error.message.replace(/^MCP error -?\d+: /, '').slice(0, MAX_MESSAGE);
  const detail = [words || 'the MCP server gave no reason', ...urlsToVisit(error)].join(' ');
  const isUnknownTool = error.code === INVALID_PARAMS && UNKNOWN_TOOL.test(words);
  const code = isUnknownTool ? 'MCPO_UNKNOWN_TOOL' : (BY_RPC_CODE[error.code] ?? 'MCPO_SERVER_ERROR');
  return new McpoError(code, detail, { cause: error });
}

/** Where the user has to go before the tool can be called (MCP, "URL Elicitation Required Error"). */
function urlsToVisit({ code, data }: RpcError): readonly string[] {
  if (code !== URL_ELICITATION || !isObject(data) || !Array.isArray(data.elicitations)) return [];
  const urls = data.elicitations.flatMap((each: unknown) => (isObject(each) && isHttpUrl(each.url) ? [each.url] : []));
  return urls.slice(0, MAX_URLS);
}

function isHttpUrl(url: unknown): url is string {
  return typeof url === 'string' && url.length <= MAX_MESSAGE && /^https?:\/\//.test(url) && URL.canParse(url);
}

function fromHttp(error: StreamableHTTPError): McpoError {
  switch (error.code) {
    case 401:
    case 403:
      return new McpoError('MCPO_BAD_RESPONSE', 'the MCP server refused the credentials', { cause: error });
    case 503:
      // Gateways say so too when they have lost a server that had the request.
      return connectionLost(error);
    default:
      return badResponse(error);
  }
}

/** `fetch` throws a TypeError, of Node's own realm where a test runner has made another. */
function isNetworkError(error: unknown): boolean {
  if (!types.isNativeError(error)) return false;
  // Its message quotes what the server has sent, and may say "Unterminated".
  if (error.name === 'SyntaxError') return false;
  return error.name === 'TypeError' || /fetch failed|terminated|aborted/.test(error.message);
}
