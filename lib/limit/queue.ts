import type { Cancellation } from '../util/cancellation';
import type { Permit } from './permit';

/** One caller in the queue: a promise with a deadline and an abort signal, settled once. */
export class Waiter {
  readonly promise: Promise<Permit>;
  readonly #since = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #signal: Cancellation | undefined;
  readonly #onAbort: () => void;
  #resolve!: (permit: Permit) => void;
  #reject!: (reason: unknown) => void;

  /**
   * @param onTimeout - called after `timeoutMs`
   * @param onAbort - called when `signal` is aborted; both are to remove the waiter from its queue and `refuse` it
   */
  constructor(timeoutMs: number, signal: Cancellation | undefined, onTimeout: () => void, onAbort: () => void) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = setTimeout(onTimeout, timeoutMs).unref();
    this.#signal = signal;
    this.#onAbort = onAbort;
    signal?.addEventListener('abort', onAbort, { once: true });
  }

  /** How long it has waited, in milliseconds. */
  get waitedMs(): number {
    return performance.now() - this.#since;
  }

  admit(permit: Permit): void {
    this.#stop();
    this.#resolve(permit);
  }

  refuse(reason: unknown): void {
    this.#stop();
    this.#reject(reason);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

/** First in, first out, with removal from the middle; every step is O(1), `shift` amortised. */
export class WaitQueue {
  readonly #waiters = new Map<number, Waiter>();
  // No waiter has a number below #first; every number is passed over at most once.
  #first = 0;
  #next = 0;

  get size(): number {
    return this.#waiters.size;
  }

  /** Adds a waiter at the end and returns its place, by which it can be removed. */
  push(waiter: Waiter): number {
    this.#waiters.set(this.#next, waiter);
    return this.#next++;
  }

  remove(place: number): void {
    this.#waiters.delete(place);
  }

  /** Takes the waiter that has waited longest. */
  shift(): Waiter | undefined {
    while (this.#first < this.#next) {
      const place = this.#first++;
      const waiter = this.#waiters.get(place);
      if (!waiter) continue;
      this.#waiters.delete(place);
      return waiter;
    }
    return undefined;
  }
}
