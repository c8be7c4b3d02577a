/** Calls that come at a steady rate, however long each takes to be answered; a machine that falls far behind gets no more. */
export class Steady<T> {
  readonly #calls: Promise<T>[] = [];
  readonly #timer: NodeJS.Timeout;
  #ended = 0;

  /** @param call - makes one call; is given its number, the first is 0 */
  constructor(perSecond: number, call: (number: number) => Promise<T>, mostAtATime = 50) {
    const started = performance.now();
    const callThoseDue = (): void => {
      // The first at once: what it is to accompany may be over in a millisecond.
      const due = 1 + ((performance.now() - started) * perSecond) / 1_000;
      while (this.#calls.length < Math.min(due, this.#ended + mostAtATime)) {
        this.#calls.push(call(this.#calls.length).finally(() => this.#ended++));
      }
    };
    callThoseDue();
    this.#timer = setInterval(callThoseDue, 5);
  }

  /** Makes no more; resolves with what has come of all. */
  async end(): Promise<readonly T[]> {
    clearInterval(this.#timer);
    return Promise.all(this.#calls);
  }
}

/** Callers each of whom calls again as soon as it is answered. */
export class Callers<T> {
  readonly #answers: T[] = [];
  readonly #callers: Promise<void>[];
  #made = 0;
  #isEnding = false;

  /** @param call - makes one call; is given its number, the first is 0 */
  constructor(callers: number, call: (number: number) => Promise<T>) {
    this.#callers = Array.from({ length: callers }, async () => {
      while (!this.#isEnding) this.#answers.push(await call(this.#made++));
    });
  }

  /** How many calls have been answered. */
  get answered(): number {
    return this.#answers.length;
  }

  /** Makes no more; resolves with what has come of all. */
  async end(): Promise<readonly T[]> {
    this.#isEnding = true;
    await Promise.all(this.#callers);
    return this.#answers;
  }
}
