import { McpoError } from '../errors';
import type { Cancellation } from '../util/cancellation';
import { checkedInteger, type BreakerOptions } from './options';

/** `closed` lets all calls through, `open` none, `half-open` one at a time, the probe. */
export type BreakerState = 'closed' | 'open' | 'half-open';

const LONGEST_MS = 30_000;
/** While a probe is running: its duration is unknown. */
const PROBE_RETRY_AFTER_MS = 1_000;

/**
 * Refuses calls at once after too many in a row have waited for a connection in vain. It has no timer: the clock is read
 * when a call comes.
 */
export class Breaker {
  readonly #threshold: number;
  readonly #cooldownMs: number;
  readonly #backoffMs: () => number;
  #failures = 0;
  /** Times in a row that it opened without having closed. */
  #openings = 0;
  /** When the cooldown is over, on the clock of `performance.now()`. */
  #until = 0;
  #isProbing = false;
  /** Counts openings, closings and probes. The late end of a call from an earlier epoch is ignored. */
  #epoch = 0;

  /**
   * @param backoffMs - the remaining backoff of the pool: a probe before its end would learn nothing
   * @throws ConfigError for a number out of its range
   */
  constructor({ threshold = 5, cooldownMs = 5_000 }: BreakerOptions, backoffMs: () => number) {
    this.#threshold = checkedInteger('breaker.threshold', threshold, 1);
    this.#cooldownMs = checkedInteger('breaker.cooldownMs', cooldownMs, 1);
    this.#backoffMs = backoffMs;
  }

  get state(): BreakerState {
    if (this.#openings === 0) return 'closed';
    return this.#isProbing || this.#remainingMs === 0 ? 'half-open' : 'open';
  }

  /** Runs `wait`, which looks for a connection. Throws McpoError `MCPO_BREAKER_OPEN` instead while open. */
  async run<T>(wait: () => Promise<T>, signal: Cancellation | undefined): Promise<T> {
    const isProbe = this.#openings > 0;
    if (isProbe) this.#beginProbe();
    const epoch = this.#epoch;
    try {
      return await wait();
    } catch (error) {
      const isDown = error instanceof McpoError && error.code === 'MCPO_SERVER_DOWN' && !signal?.aborted;
      if (isDown && epoch === this.#epoch) this.#failed();
      throw error;
    } finally {
      if (isProbe && epoch === this.#epoch) this.#isProbing = false;
    }
  }

  close(): void {
    this.#failures = 0;
    this.#openings = 0;
    this.#isProbing = false;
    this.#epoch++;
  }

  get #remainingMs(): number {
    return Math.max(0, this.#until - performance.now(), this.#backoffMs());
  }

  #beginProbe(): void {
    const retryAfterMs = this.#isProbing ? PROBE_RETRY_AFTER_MS : this.#remainingMs;
    if (retryAfterMs > 0) {
      const detail = `no connection could be opened for ${this.#failures} calls in a row`;
      throw new McpoError('MCPO_BREAKER_OPEN', detail, { retryAfterMs });
    }
    this.#isProbing = true;
    this.#epoch++;
  }

  #failed(): void {
    this.#failures++;
    if (this.#openings === 0 && this.#failures < this.#threshold) return;
    const longest = Math.max(LONGEST_MS, this.#cooldownMs);
    this.#until = performance.now() + Math.min(longest, this.#cooldownMs * 2 ** this.#openings);
    this.#openings++;
    this.#isProbing = false;
    this.#epoch++;
  }
}
