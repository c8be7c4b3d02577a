/** Waits until nothing is under way any more, for a bounded time. */
export class Drain {
  readonly #isQuiet: () => boolean;
  #onQuiet: (() => void) | undefined;

  constructor(isQuiet: () => boolean) {
    this.#isQuiet = isQuiet;
  }

  /** Resolves as soon as it is quiet, or after `timeoutMs`. */
  wait(timeoutMs: number): Promise<void> {
    if (this.#isQuiet()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs).unref();
      this.#onQuiet = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Something has ended. */
  check(): void {
    if (this.#onQuiet && this.#isQuiet()) this.#onQuiet();
  }
}
