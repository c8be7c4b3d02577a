import type { Cancellation } from '../util/cancellation';
import { RetryBudget } from './budget';
import { checkInteger, type RetryOptions } from './options';

const BASE_DELAY_MS = 100;
const MAX_DELAY_MS = 2_000;

/** How one call may be retried. */
export interface RetryCall {
  /**
   * Whether a failure may be followed by another try: always when nothing was sent, otherwise as the tool's policy
   * says. Asked before each retry.
   */
  readonly shouldRetry: (error: unknown) => boolean;
  /**
   * How long to wait before another try, in milliseconds, where the failure says so. @defaultValue a random part of what grows
   * with each try
   */
  readonly pauseMs?: ((error: unknown) => number | undefined) | undefined;
  /** No try begins once it is aborted; a pause ends at once with its reason. A running try is not its business. */
  readonly signal?: Cancellation | undefined;
  /** How long the call may take, in milliseconds: no pause goes beyond it. Without it, only the signal ends the call. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Tries a call again after a failure that allows it, a few times, within a {@link RetryBudget}. One for each server.
 *
 * The pause before retry n is a random part of min(2 s, 100 ms x 2^(n-1)): exponential backoff with full jitter, so that
 * callers that failed together do not come back together.
 */
export class Retrier {
  readonly #maxAttempts: number;
  readonly #budget: RetryBudget;
  readonly #random: () => number;

  /**
   * @param options - how often
   * @param random - a number from 0 up to 1, as `Math.random`
   * @throws ConfigError when an option is out of its range
   */
  constructor(options: RetryOptions = {}, random: () => number = Math.random) {
    this.#maxAttempts = checkInteger('retry.maxAttempts', options.maxAttempts ?? 3, 1, 100);
    this.#budget = new RetryBudget(options);
    this.#random = random;
  }

  /**
   * The result of the first try that succeeds. Rejects with the failure of the last try, or with the signal's reason
   * when that was aborted between two tries.
   *
   * @param attempt - makes one try, whose number it is given; the first is 1
   */
  async run<T>(attempt: (number: number) => Promise<T>, call: RetryCall): Promise<T> {
    const { signal, timeoutMs } = call;
    const deadline = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
    this.#budget.recordCall();
    for (let number = 1; ; number++) {
      signal?.throwIfAborted();
      try {
        return await attempt(number);
      } catch (error) {
        if (number >= this.#maxAttempts || signal?.aborted || !call.shouldRetry(error)) throw error;
        const delayMs = call.pauseMs?.(error) ?? this.#jitter(number);
        if (performance.now() + delayMs >= deadline || !this.#budget.tryRetry()) throw error;
        await pause(delayMs, signal);
      }
    }
  }

  #jitter(number: number): number {
    return this.#random() * Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** (number - 1));
  }
}

/** Resolves after `ms`, or as soon as the signal is aborted. */
function pause(ms: number, signal: Cancellation | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
