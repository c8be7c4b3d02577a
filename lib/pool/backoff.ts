const FIRST_MS = 250;
const LONGEST_MS = 30_000;

/**
 * When a connection may be tried again: after a wait that is drawn between nothing and a bound which doubles with each
 * failure, from 250 ms to 30 s ("full jitter"), so that many pools do not try in step.
 */
export class Backoff {
  #failures = 0;
  #until = 0;

  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds until the next try is allowed; 0 when it is. */
  get remainingMs(): number {
    return this.#failures === 0 ? 0 : Math.max(0, this.#until - performance.now());
  }

  fail(): void {
    const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures++;
    this.#until = performance.now() + Math.random() * bound;
  }

  /**
   * A connection broke before it had answered anything. It may be replaced at once, but only the first time: a server
   * that starts and then dies would else be started for ever. Those that break during the backoff are part of the same
   * failure.
   */
  broke(): void {
    if (this.#failures === 0) this.#failures = 1;
    else if (this.remainingMs === 0) this.fail();
  }

  reset(): void {
    this.#failures = 0;
    this.#until = 0;
  }
}
