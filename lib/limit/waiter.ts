import type { Cancellation } from '../util/cancellation';
import type { ListNode } from '../util/linked-list';
import type { Permit } from './permit';

/** A caller in the queue: a promise with a deadline and an abort signal, settled once. */
export class Waiter implements ListNode<Waiter> {
  readonly promise: Promise<Permit>;
  previous: Waiter | undefined;
  next: Waiter | undefined;
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
