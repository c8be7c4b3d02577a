import { type ArgumentError, type ErrorCode, ERROR_CODES, McpoError, toMcpoError } from '../errors';
import { isObject } from '../util/json-object';
import { Answer } from './call';

/** The result of a call. */
export type Settled = { readonly answer: Answer } | { readonly error: McpoError };

/** Waits for the end of a call. Never rejects. */
export function settled(work: Promise<Answer>): Promise<Settled> {
  return work.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error: toMcpoError(error) }),
  );
}

/** The answer of a call. @throws McpoError the error of a call that failed */
export function unwrap(result: Settled): Answer {
  if ('error' in result) throw result.error;
  return result.answer;
}

const ANSWER = 1;
const ERROR = 0;
const HEADERS = { 'Retry-After': /^\d{1,9}$/, Allow: /^[A-Z]+(?:, [A-Z]+)*$/ };

/** An error for other instances: what callers may see, without the cause. */
interface WireError {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly outcome?: 'unknown';
  readonly errors?: readonly ArgumentError[];
}

/**
 * Encodes the result of a call for callers in other processes. `undefined` for an error that concerns this process only: its
 * caller has gone, or nothing was sent (503), so that another may succeed.
 */
export function encodeAnswer(result: Settled): Buffer | undefined {
  if ('answer' in result) return Buffer.concat([Buffer.of(ANSWER), result.answer.encoded()]);
  const { code, message, status, headers, outcome, errors } = result.error;
  if (status === 503 || code === 'MCPO_CALLER_GONE') return undefined;
  const wire: WireError = { code, detail: message, headers, ...(outcome && { outcome }), ...(errors && { errors }) };
  return Buffer.concat([Buffer.of(ERROR), Buffer.from(JSON.stringify(wire))]);
}

/** Decodes a result; `undefined` if that is not possible. */
export function decodeAnswer(bytes: Buffer): Settled | undefined {
  if (bytes[0] === ANSWER) return { answer: Answer.decoded(bytes.subarray(1)) };
  if (bytes[0] !== ERROR) return undefined;
  try {
    const wire = JSON.parse(bytes.toString('utf8', 1)) as Partial<Record<keyof WireError, unknown>>;
    const code = ERROR_CODES.find((known) => known === wire.code);
    if (!code || typeof wire.detail !== 'string') return undefined;
    const errors = Array.isArray(wire.errors) ? wire.errors.filter(isArgumentError) : undefined;
    const outcome = wire.outcome === 'unknown' ? ('unknown' as const) : undefined;
    const options = { headers: safeHeaders(wire.headers), ...(outcome && { outcome }), ...(errors && { errors }) };
    return { error: new McpoError(code, wire.detail, options) };
  } catch {
    return undefined;
  }
}

/** The headers that errors may have. Nothing else in Redis becomes a header of a response. */
function safeHeaders(headers: unknown): Record<string, string> {
  if (!isObject(headers)) return {};
  return Object.fromEntries(
    Object.entries(HEADERS).flatMap(([name, pattern]) => {
      const value = headers[name];
      return typeof value === 'string' && pattern.test(value) ? [[name, value]] : [];
    }),
  );
}

function isArgumentError(value: unknown): value is ArgumentError {
  const { pointer, message } = (value ?? {}) as Partial<Record<keyof ArgumentError, unknown>>;
  return typeof pointer === 'string' && typeof message === 'string';
}
