/** Waits until all work in progress has ended, for a bounded time. */
export class Drain {
  readonly #isEmpty: () => boolean;
  #onEmpty: (() => void) | undefined;

  /** @param isEmpty - whether no work is in progress */
  constructor(isEmpty: () => boolean) {
    this.#isEmpty = isEmpty;
  }

  /** Resolves when no work is left, or after `timeoutMs`. */
  wait(timeoutMs: number): Promise<void> {
    if (this.#isEmpty()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** To be called when a piece of work has ended. */
  check(): void {
    if (this.#onEmpty && this.#isEmpty()) this.#onEmpty();
  }
}
