/** Calls that come at a steady rate, however long each takes to be answered. */
export class Steady<T> {
  readonly #calls: Promise<T>[] = [];
  readonly #timer: NodeJS.Timeout;

  /** @param call - makes one call; is given its number, the first is 0 */
  constructor(perSecond: number, call: (number: number) => Promise<T>) {
    const started = performance.now();
    this.#timer = setInterval(() => {
      const due = ((performance.now() - started) * perSecond) / 1_000;
      while (this.#calls.length < due) this.#calls.push(call(this.#calls.length));
    }, 5);
  }

  /** How many have been made. */
  get made(): number {
    return this.#calls.length;
  }

  /** Makes no more; resolves with what has come of all. */
  async end(): Promise<readonly T[]> {
    clearInterval(this.#timer);
    return Promise.all(this.#calls);
  }
}
