import type { Caller } from '../calls/caller';
import { McpoError } from '../errors';
import { RateLimited } from '../mcp/session/failures';

/** The longest `Retry-After` that a call waits for. */
export const LONGEST_WAIT_MS = 2_000;
/** Callers choose their credentials: so many are remembered. */
const MAX_CREDENTIALS = 1_000;

/** Until when an MCP server takes no calls with which credential, as it said itself by a 429. */
export class RateLimits {
  /** On the clock of `performance.now()`, the oldest first. */
  readonly #until = new Map<string, number>();

  /** The error of a call that must not be sent, if any. Unlike a {@link RateLimited} it is not tried again. */
  refusal(caller: Caller | undefined): McpoError | undefined {
    if (this.#until.size === 0) return undefined;
    const credential = credentialOf(caller);
    const ms = (this.#until.get(credential) ?? 0) - performance.now();
    if (ms > 0)
      return new McpoError('MCPO_UPSTREAM_RATE_LIMITED', 'the MCP server takes no more calls for now', {
        retryAfterMs: ms,
      });
    this.#until.delete(credential);
    return undefined;
  }

  /** Takes note of a 429 whose `Retry-After` is longer than a call waits. */
  note(caller: Caller | undefined, error: unknown): void {
    const ms = error instanceof RateLimited ? (error.retryAfterMs ?? 0) : 0;
    if (ms <= LONGEST_WAIT_MS) return;
    const [oldest] = this.#until.keys();
    if (this.#until.size >= MAX_CREDENTIALS && oldest !== undefined) this.#until.delete(oldest);
    this.#until.set(credentialOf(caller), performance.now() + ms);
  }
}

/** The same for sessions of one caller, and the server's own without headers to forward. */
function credentialOf(caller: Caller | undefined): string {
  return JSON.stringify(Object.entries(caller?.headers ?? {}).sort());
}
