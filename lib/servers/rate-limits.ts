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

  /**
   * Sends what may be sent with the credential of a caller, or the server's own.
   *
   * @throws McpoError `MCPO_UPSTREAM_RATE_LIMITED` at once, with the rest of the time, where the server has asked for longer than a call waits
   */
  async obey<T>(caller: Caller | undefined, send: () => Promise<T>): Promise<T> {
    const refusal = this.rest(caller);
    if (refusal) throw refusal;
    try {
      return await send();
    } catch (error) {
      const ms = error instanceof RateLimited ? (error.retryAfterMs ?? 0) : 0;
      if (ms > LONGEST_WAIT_MS) this.#add(credentialOf(caller), performance.now() + ms);
      throw error;
    }
  }

  /** What is thrown at once, if anything. Unlike a {@link RateLimited} it is not tried again. */
  rest(caller: Caller | undefined): McpoError | undefined {
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

  #add(credential: string, until: number): void {
    const [oldest] = this.#until.keys();
    if (this.#until.size >= MAX_CREDENTIALS && oldest !== undefined) this.#until.delete(oldest);
    this.#until.set(credential, until);
  }
}

/** The same for sessions of one caller, and the server's own without headers to forward. */
function credentialOf(caller: Caller | undefined): string {
  return JSON.stringify(Object.entries(caller?.headers ?? {}).sort());
}
