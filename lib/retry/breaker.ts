import type { Cancellation } from '../util/cancellation';
import { McpoError, warn } from '../errors';
import { tell } from '../util/listeners';
import { checkInteger } from './options';

/** `closed` lets all calls through, `open` none, `half-open` one to see whether the server is back. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** Options of a {@link CircuitBreaker}. */
export interface BreakerOptions {
  /** Whether an error says that the server cannot be reached. Any other one shows that it can. */
  readonly isFailure: (error: unknown) => boolean;
  /**
   * How many failures in a row open it.
   *
   * @defaultValue 5
   */
  readonly threshold?: number | undefined;
  /**
   * How long it stays open at first, in milliseconds; doubled each time the server is still not back, up to 30 s.
   *
   * @defaultValue 5000
   */
  readonly cooldownMs?: number | undefined;
  /**
   * What it guards, as error messages call it.
   *
   * @defaultValue `'server'`
   */
  readonly name?: string | undefined;
  /**
   * Told when it opens, when the first probe after that begins (`half-open`), and when it closes. What it throws becomes
   * a process warning.
   */
  readonly onStateChange?: ((state: BreakerState) => void) | undefined;
}

/** How one call goes through the breaker. */
export interface BreakerCall {
  /**
   * Aborted when the caller leaves: the call's failure then says nothing of the server, and the next call may be the
   * probe.
   */
  readonly signal?: Cancellation | undefined;
}

const MAX_COOLDOWN_MS = 30_000;
// How long a probe takes is not known.
const PROBE_RETRY_AFTER_MS = 1_000;

/**
 * Keeps calls away from a server that cannot be reached: after some failures in a row they are refused at once, until
 * one call at a time, the probe, finds the server back. It has no timer: the clock is read when a call comes.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #threshold: number;
  readonly #cooldownMs: number;
  #state: BreakerState = 'closed';
  #failures = 0;
  // Times in a row that it opened without having closed.
  #openings = 0;
  // When a probe may begin, on the clock of performance.now().
  #probeAt = 0;
  #probing = false;
  // Changes with the state and the probe, so that a late end of an older call is known and ignored.
  #epoch = 0;

  /** @throws ConfigError when a number is out of its range */
  constructor(options: BreakerOptions) {
    this.#options = options;
    this.#threshold = checkInteger('breaker.threshold', options.threshold ?? 5, 1, Number.MAX_SAFE_INTEGER);
    this.#cooldownMs = checkInteger('breaker.cooldownMs', options.cooldownMs ?? 5_000, 1, Number.MAX_SAFE_INTEGER);
  }

  /** The state now; `half-open` as soon as a probe may begin. */
  get state(): BreakerState {
    return this.#state === 'open' && performance.now() >= this.#probeAt ? 'half-open' : this.#state;
  }

  /**
   * Runs `fn`, whose end tells how the server is.
   *
   * @throws McpoError MCPO_BREAKER_OPEN at once while it is open or a probe is under way; otherwise what `fn` throws
   */
  run<T>(fn: () => Promise<T>, { signal }: BreakerCall = {}): Promise<T> {
    return this.#state === 'closed' ? this.#watch(fn, signal, this.#epoch) : this.#probe(fn, signal);
  }

  /** Tells that the server has been reached by other means: closes, without waiting for a probe. */
  recovered(): void {
    this.#succeeded(this.#epoch);
  }

  async #probe<T>(fn: () => Promise<T>, signal: Cancellation | undefined): Promise<T> {
    signal?.throwIfAborted();
    const remainingMs = this.#probing ? PROBE_RETRY_AFTER_MS : this.#probeAt - performance.now();
    if (remainingMs > 0) throw this.#refusal(remainingMs);
    if (this.#state === 'open') this.#change('half-open');
    this.#probing = true;
    const epoch = this.#epoch;
    const abandon = (): void => {
      // Only the probe that still has no result.
      if (epoch !== this.#epoch) return;
      this.#probing = false;
      this.#epoch++;
    };
    signal?.addEventListener('abort', abandon, { once: true });
    try {
      return await this.#watch(fn, signal, epoch);
    } finally {
      signal?.removeEventListener('abort', abandon);
      abandon();
    }
  }

  async #watch<T>(fn: () => Promise<T>, signal: Cancellation | undefined, epoch: number): Promise<T> {
    try {
      const value = await fn();
      this.#succeeded(epoch);
      return value;
    } catch (error) {
      if (!signal?.aborted) this.#judge(error, epoch);
      throw error;
    }
  }

  #judge(error: unknown, epoch: number): void {
    try {
      if (this.#options.isFailure(error)) this.#failed(epoch);
      else this.#succeeded(epoch);
    } catch (cause) {
      warn(cause);
    }
  }

  #succeeded(epoch: number): void {
    if (epoch !== this.#epoch) return;
    this.#failures = 0;
    this.#openings = 0;
    if (this.#state !== 'closed') this.#change('closed');
  }

  #failed(epoch: number): void {
    if (epoch !== this.#epoch) return;
    this.#failures++;
    if (this.#state === 'closed' && this.#failures < this.#threshold) return;
    const longest = Math.max(MAX_COOLDOWN_MS, this.#cooldownMs);
    this.#probeAt = performance.now() + Math.min(longest, this.#cooldownMs * 2 ** this.#openings);
    this.#openings++;
    this.#change('open');
  }

  #change(state: BreakerState): void {
    this.#state = state;
    // Before the callback, which may itself make a call.
    this.#probing = state === 'half-open';
    this.#epoch++;
    tell(() => this.#options.onStateChange?.(state));
  }

  #refusal(retryAfterMs: number): McpoError {
    const { name = 'server' } = this.#options;
    const detail = `${name}: not called after ${String(this.#failures)} connection failures in a row`;
    return new McpoError('MCPO_BREAKER_OPEN', detail, { retryAfterMs });
  }
}
