import type { FuzzAnswer } from './fuzz-client';

/** Which status goes with which code, as docs/http-api.md has it. */
const STATUS: Readonly<Record<string, number>> = {
  ...of(400, 'INVALID_JSON', 'INVALID_BODY', 'INVALID_HEADER', 'REJECTED'),
  ...of(401, 'UNAUTHORIZED'),
  ...of(403, 'FORBIDDEN_ORIGIN', 'FORBIDDEN_HOST'),
  ...of(404, 'UNKNOWN_SERVER', 'UNKNOWN_SESSION', 'UNKNOWN_TOOL'),
  ...of(405, 'METHOD_NOT_ALLOWED'),
  ...of(413, 'BODY_TOO_LARGE'),
  ...of(415, 'UNSUPPORTED_MEDIA_TYPE'),
  ...of(422, 'INVALID_ARGUMENTS'),
  // MCPO_INTERNAL is a 500 too, and never to be seen.
  ...of(500, 'TOOL_ERROR', 'SERVER_ERROR'),
  ...of(429, 'UPSTREAM_RATE_LIMITED'),
  ...of(502, 'CONNECTION_LOST', 'BAD_RESPONSE'),
  ...of(503, 'SERVER_DOWN', 'BREAKER_OPEN', 'QUEUE_FULL', 'QUEUE_TIMEOUT', 'POOL_EXHAUSTED', 'CLOSING'),
  ...of(504, 'TIMEOUT'),
};

function of(status: number, ...codes: readonly string[]): Record<string, number> {
  return Object.fromEntries(codes.map((code) => [`MCPO_${code}`, status]));
}

// RFC 9211 section 2, as far as this cache uses it.
const CACHE_STATUS = /^express-mcpo; (?:hit(?:; ttl=\d+)?|fwd=(?:miss|request|bypass)(?:; (?:stored|collapsed))*)$/;
const REQUEST_ID = /^[\w.:+/=-]{1,128}$/;

/** A parsed problem. */
export interface ProblemBody {
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly pointer: string; readonly message: string }[];
}

/** What is wrong with an answer, whatever was asked; `undefined` when it is as the contract says. */
export function faultOf({ status, headers, body }: FuzzAnswer, isHead = false): string | undefined {
  const cacheStatus = headers['cache-status'];
  const id = headers['x-request-id'];
  if (cacheStatus !== undefined && !CACHE_STATUS.test(String(cacheStatus)))
    return `Cache-Status: ${String(cacheStatus)}`;
  if (headers.age !== undefined && !/^\d+$/.test(headers.age)) return `Age: ${headers.age}`;
  if (typeof id !== 'string' || !REQUEST_ID.test(id)) return `X-Request-Id: ${String(id)}`;
  if (isHead) return body.length === 0 ? undefined : 'a body for HEAD';
  if (headers['content-length'] !== String(body.length))
    return `Content-Length: ${headers['content-length'] ?? 'none'}`;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
  } catch (error) {
    return `no JSON (${String(error)}): ${body.toString().slice(0, 500)}`;
  }
  const type = headers['content-type'];
  if (status === 200)
    return /^application\/(?:vnd\.mcp\+)?json$/.test(type ?? '') ? undefined : `type ${type ?? 'none'}`;
  return type === 'application/problem+json'
    ? faultOfProblem(status, id, value)
    : `status ${status} as ${type ?? 'none'}`;
}

function faultOfProblem(status: number, requestId: string, value: unknown): string | undefined {
  const problem = value as Readonly<Record<string, unknown>>;
  const { code, errors } = problem;
  if (
    typeof code !== 'string' ||
    !Object.hasOwn(STATUS, code) ||
    STATUS[code] !== status ||
    problem.status !== status
  ) {
    return `status ${status} with ${JSON.stringify(value).slice(0, 500)}`;
  }
  const type = `urn:express-mcpo:problem:${code.slice(5).toLowerCase().replaceAll('_', '-')}`;
  if (problem.type !== type || problem.requestId !== requestId) return `type or request id of ${code}`;
  for (const member of ['title', 'detail', 'instance']) {
    if (typeof problem[member] !== 'string' || problem[member] === '') return `${member} of ${code}`;
  }
  if ('outcome' in problem && problem.outcome !== 'unknown') return 'outcome';
  if ((code === 'MCPO_INVALID_ARGUMENTS') !== Array.isArray(errors) && status !== 422) return `errors of ${code}`;
  const complaints = (errors ?? []) as readonly Readonly<Record<string, unknown>>[];
  const isComplaint = ({ pointer, message }: Readonly<Record<string, unknown>>): boolean =>
    typeof message === 'string' && typeof pointer === 'string' && /^(?:\/(?:[^~/]|~[01])*)*$/.test(pointer);
  return complaints.length <= 20 && complaints.every(isComplaint) ? undefined : `errors: ${JSON.stringify(errors)}`;
}

/** The problem that an answer is. */
export function problemOf({ body }: FuzzAnswer): ProblemBody {
  return JSON.parse(body.toString()) as ProblemBody;
}
