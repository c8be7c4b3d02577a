import { type ArgumentError, type ErrorCode, ERROR_CODES, McpoError, toMcpoError } from '../errors';
import { Answer } from './call';

/** How a call ended. */
export type Settled = { readonly answer: Answer } | { readonly error: McpoError };

/** The end of a call, which never rejects. */
export function settled(work: Promise<Answer>): Promise<Settled> {
  return work.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error: toMcpoError(error) }),
  );
}

/**
 * The answer, if the call ended with one.
 *
 * @throws McpoError the error that it ended with
 */
export function unwrap(end: Settled): Answer {
  if ('error' in end) throw end.error;
  return end.answer;
}

const ANSWER = 1;
const ERROR = 0;
const HEADERS = { 'Retry-After': /^\d{1,9}$/, Allow: /^[A-Z]+(?:, [A-Z]+)*$/ };

/** An error as other instances get it: what a caller may see, and no cause. */
interface WireError {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly outcome?: 'unknown';
  readonly errors?: readonly ArgumentError[];
}

/**
 * The end of a call, for callers in other processes. `undefined` for an end that is this process's own matter: its caller
 * has gone, or nothing was sent (503), which another may be able to do.
 */
export function encodeAnswer(end: Settled): Buffer | undefined {
  if ('answer' in end) return Buffer.concat([Buffer.of(ANSWER), end.answer.body]);
  const { code, message, status, headers, outcome, errors } = end.error;
  if (status === 503 || code === 'MCPO_CALLER_GONE') return undefined;
  const wire: WireError = { code, detail: message, headers, ...(outcome && { outcome }), ...(errors && { errors }) };
  return Buffer.concat([Buffer.of(ERROR), Buffer.from(JSON.stringify(wire))]);
}

/** The end that was encoded; `undefined` for what cannot be read. */
export function decodeAnswer(bytes: Buffer): Settled | undefined {
  if (bytes[0] === ANSWER) return { answer: new Answer(bytes.subarray(1)) };
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

/** Of what errors have; nothing else that stands in Redis becomes a header of an answer. */
function safeHeaders(headers: unknown): Record<string, string> {
  if (typeof headers !== 'object' || headers === null) return {};
  return Object.fromEntries(
    Object.entries(HEADERS).flatMap(([name, form]) => {
      const value: unknown = (headers as Record<string, unknown>)[name];
      return typeof value === 'string' && form.test(value) ? [[name, value]] : [];
    }),
  );
}

function isArgumentError(value: unknown): value is ArgumentError {
  const { pointer, message } = (value ?? {}) as Partial<Record<keyof ArgumentError, unknown>>;
  return typeof pointer === 'string' && typeof message === 'string';
}
