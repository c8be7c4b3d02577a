import type { Aborter, Cancellation } from '../util/cancellation';

interface Caller<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
  /** Takes the caller's listener off its signal. */
  readonly stopListening: (() => void) | undefined;
}

/** One piece of work and the callers that wait for it. It ends when the work does, or when its last caller leaves. */
export class Flight<T, S extends Cancellation> {
  /** When it began, on the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly #onEnd: () => void;
  readonly #aborter: Aborter<S>;
  readonly #callers = new Set<Caller<T>>();
  #ended = false;

  /**
   * @param aborter - cancels the work
   * @param onEnd - called once, before any caller hears of the end, so that nobody joins what is over
   */
  constructor(startedAt: number, aborter: Aborter<S>, onEnd: () => void) {
    this.startedAt = startedAt;
    this.#aborter = aborter;
    this.#onEnd = onEnd;
  }

  /** One more caller, until the work ends or `signal` is aborted. Only while the flight has not ended. */
  join(signal: Cancellation | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!signal) {
        this.#callers.add({ resolve, reject, stopListening: undefined });
        return;
      }
      const leave = (): void => {
        this.#leave(caller, signal.reason);
      };
      const caller: Caller<T> = {
        resolve,
        reject,
        stopListening: () => {
          signal.removeEventListener('abort', leave);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#callers.add(caller);
    });
  }

  /** Begins the work; what `run` throws is a failure of the work like a rejection. */
  start(run: (signal: S) => Promise<T>): void {
    new Promise<T>((resolve) => {
      resolve(run(this.#aborter.signal));
    }).then(
      (value) => {
        for (const caller of this.#end()) caller.resolve(value);
      },
      (error: unknown) => {
        for (const caller of this.#end()) caller.reject(error);
      },
    );
  }

  #leave(caller: Caller<T>, reason: unknown): void {
    this.#callers.delete(caller);
    caller.reject(reason);
    if (this.#callers.size > 0) return;
    this.#end();
    this.#aborter.abort();
  }

  #end(): Iterable<Caller<T>> {
    if (this.#ended) return [];
    this.#ended = true;
    for (const caller of this.#callers) caller.stopListening?.();
    this.#onEnd();
    return this.#callers;
  }
}
