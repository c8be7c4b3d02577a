import { checkInteger, type RetryOptions } from './options';

const SLOT_MS = 1_000;
const SLOTS = 10;
// What a quiet server may have: its few calls would otherwise earn no retry at all.
const MIN_RETRIES = 10;

interface Slot {
  calls: number;
  retries: number;
}

/**
 * How many retries a server may still get: 10, plus a share of its calls, counted over the last 10 s.
 *
 * Without it every caller would try three times exactly when the server can bear it least. The window is a ring of one
 * second slots, so that memory and time do not depend on the traffic.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #slots: readonly Slot[] = Array.from({ length: SLOTS }, () => ({ calls: 0, retries: 0 }));
  #calls = 0;
  #retries = 0;
  // The number of the current second on the clock of performance.now().
  #second = Math.floor(performance.now() / SLOT_MS);

  /** @throws ConfigError when `budgetPercent` is not a whole number from 0 to 100 */
  constructor({ budgetPercent = 20 }: Pick<RetryOptions, 'budgetPercent'> = {}) {
    this.#share = checkInteger('retry.budgetPercent', budgetPercent, 0, 100) / 100;
  }

  /** Counts a call, which earns a part of a retry. Its retries are not calls. */
  recordCall(): void {
    this.#currentSlot().calls++;
    this.#calls++;
  }

  /** Takes one retry if there is one left. */
  tryRetry(): boolean {
    const slot = this.#currentSlot();
    if (this.#retries + 1 > MIN_RETRIES + this.#share * this.#calls) return false;
    slot.retries++;
    this.#retries++;
    return true;
  }

  /** The slot of this second; the slots of the seconds since the last use are emptied. */
  #currentSlot(): Slot {
    const second = Math.floor(performance.now() / SLOT_MS);
    const passed = Math.min(second - this.#second, SLOTS);
    for (let step = 0; step < passed; step++) {
      const old = this.#slot(second - step);
      this.#calls -= old.calls;
      this.#retries -= old.retries;
      old.calls = 0;
      old.retries = 0;
    }
    this.#second = second;
    return this.#slot(second);
  }

  #slot(second: number): Slot {
    return this.#slots[second % SLOTS] as Slot;
  }
}
