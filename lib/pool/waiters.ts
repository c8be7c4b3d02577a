import type { Cancellation } from '../util/cancellation';
import { LinkedList, type ListNode } from '../util/linked-list';
import { exhausted } from './refusals';

interface Waiter<T> extends ListNode<Waiter<T>> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** Callers that wait their turn: first come, first served, each for a bounded time and no longer than it wants to. */
export class Waiters<T> {
  readonly #queue = new LinkedList<Waiter<T>>();
  readonly #max: number;
  readonly #timeoutMs: number;

  constructor(max: number, timeoutMs: number) {
    this.#max = max;
    this.#timeoutMs = timeoutMs;
  }

  get size(): number {
    return this.#queue.size;
  }

  /**
   * Waits at the end of the queue.
   *
   * @param signal - ends the wait, with its reason; must not be aborted yet
   * @throws McpoError `MCPO_POOL_EXHAUSTED` when too many wait, or the wait is over
   */
  async wait(signal?: Cancellation): Promise<T> {
    if (this.size >= this.#max) throw exhausted(`${this.#max} calls are waiting for a connection`);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#queue.remove(waiter);
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter<T> = {
        previous: undefined,
        next: undefined,
        resolve(value) {
          leave();
          resolve(value);
        },
        reject(error) {
          leave();
          reject(error);
        },
      };
      const late = (): void => waiter.reject(exhausted(`no connection was free within ${this.#timeoutMs} ms`));
      const abort = (): void => waiter.reject(signal?.reason as Error);
      const timer = setTimeout(late, this.#timeoutMs);
      signal?.addEventListener('abort', abort);
      this.#queue.append(waiter);
    });
  }

  /** Gives `value` to the one who has waited longest; somebody must be waiting. */
  serve(value: T): void {
    this.#queue.first?.resolve(value);
  }

  /** Sends everybody away. */
  rejectAll(error: Error): void {
    while (this.#queue.first) this.#queue.first.reject(error);
  }
}
