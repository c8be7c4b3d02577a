import type { Outcome } from './call';
import { type ArgumentError, type ErrorCode, ERROR_CODES, McpoError } from '../errors';

const SUCCESS = 1;
const FAILURE = 0;
const HEADERS = { 'Retry-After': /^\d{1,9}$/, Allow: /^[A-Z]+(?:, [A-Z]+)*$/ };

/** A failure as other instances are told of it: what a caller may see, and no cause. */
interface Told {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly outcome?: 'unknown';
  readonly errors?: readonly ArgumentError[];
}

/**
 * How a call ended, for callers in other processes. `undefined` for an end that is this process's own matter: its caller
 * has gone, or nothing was sent (503), which another may be able to do.
 */
export function encodeOutcome(outcome: Outcome): Buffer | undefined {
  if (outcome.ok) return Buffer.concat([Buffer.of(SUCCESS), outcome.body]);
  const { code, message, status, headers, outcome: known, errors } = outcome.error;
  if (status === 503 || code === 'MCPO_CALLER_GONE') return undefined;
  const told: Told = { code, detail: message, headers, ...(known && { outcome: known }), ...(errors && { errors }) };
  return Buffer.concat([Buffer.of(FAILURE), Buffer.from(JSON.stringify(told))]);
}

/** The end that was encoded; `undefined` for what cannot be read. */
export function decodeOutcome(bytes: Buffer): Outcome | undefined {
  if (bytes[0] === SUCCESS) return { ok: true, body: bytes.subarray(1) };
  if (bytes[0] !== FAILURE) return undefined;
  try {
    const told = JSON.parse(bytes.toString('utf8', 1)) as Partial<Record<keyof Told, unknown>>;
    const code = ERROR_CODES.find((known) => known === told.code);
    if (!code || typeof told.detail !== 'string') return undefined;
    const errors = Array.isArray(told.errors) ? told.errors.filter(isArgumentError) : undefined;
    const outcome = told.outcome === 'unknown' ? ('unknown' as const) : undefined;
    const options = { headers: safeHeaders(told.headers), ...(outcome && { outcome }), ...(errors && { errors }) };
    return { ok: false, error: new McpoError(code, told.detail, options) };
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
