import { setImmediate } from 'node:timers';

/** So many acts in one turn gain by waiting for each other: two do not. */
const DENSE = 3;
/** Turns with fewer after which the next act does not wait. */
const PATIENCE = 100;

/**
 * Acts of one turn of the event loop together, at its end, each in the async context that it comes from.
 *
 * Answers that go out in a burst wake the other side once. Each by itself wakes it each time, which takes as long as
 * everything else: measured at 32 connections, 8,000 cached answers a second instead of 14,000. Where each turn has one alone,
 * that one gains nothing by waiting, and does not wait: what the last turns had tells what this one will have.
 */
export class AnswerBatcher {
  #acts = 0;
  #patience = 0;

  /** @param act - must not throw */
  add(act: () => void): void {
    if (this.#acts++ === 0) setImmediate(this.#endTurn);
    if (this.#patience > 0) setImmediate(act);
    else act();
  }

  readonly #endTurn = (): void => {
    this.#patience = this.#acts >= DENSE ? PATIENCE : Math.max(0, this.#patience - 1);
    this.#acts = 0;
  };
}
