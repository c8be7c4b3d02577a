import type { Outcome } from './call';
import { type ArgumentError, type ErrorCode, ERROR_CODES, McpoError } from './errors';

const SUCCESS = 1;
const FAILURE = 0;

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

/** The end that was encoded; one that cannot be read is no answer. */
export function decodeOutcome(bytes: Buffer): Outcome {
  if (bytes[0] === SUCCESS) return { ok: true, body: bytes.subarray(1) };
  try {
    const { code, detail, ...rest } = JSON.parse(bytes.toString('utf8', 1)) as Told;
    if (ERROR_CODES.includes(code)) return { ok: false, error: new McpoError(code, detail, rest) };
  } catch {
    // Of another version of this package.
  }
  const error = new McpoError('MCPO_INTERNAL', 'the answer of another instance cannot be read');
  return { ok: false, error };
}
