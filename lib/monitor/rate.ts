const SLOT_MS = 100;
const SLOTS_PER_SECOND = 1_000 / SLOT_MS;
// Five seconds, and the slot that they cover partly.
const SLOTS = 5 * SLOTS_PER_SECOND + 1;

/**
 * The rate of an event over the last second and the last five, on the clock of `performance.now()`.
 *
 * Counts in slots of 100 ms. The oldest slot, which is covered partly, counts in proportion.
 */
export class Rate {
  readonly #counts = new Uint32Array(SLOTS);
  // The number of the latest slot.
  #latest = 0;

  count(now: number): void {
    this.#moveTo(now);
    const slot = this.#latest % SLOTS;
    this.#counts[slot] = this.#at(slot) + 1;
  }

  /** Events per second over the last `seconds` before `now`. */
  perSecond(seconds: 1 | 5, now: number): number {
    this.#moveTo(now);
    const whole = seconds * SLOTS_PER_SECOND;
    let events = 0;
    for (let back = 0; back < whole; back++) events += this.#back(back);
    // Negative if the clock was set back.
    const elapsed = Math.max(0, now / SLOT_MS - this.#latest);
    return (events + (1 - elapsed) * this.#back(whole)) / seconds;
  }

  /** Clears the slots that have passed. */
  #moveTo(now: number): void {
    const slot = Math.floor(now / SLOT_MS);
    const passed = Math.min(slot - this.#latest, SLOTS);
    for (let step = 0; step < passed; step++) this.#counts[(slot - step) % SLOTS] = 0;
    if (passed > 0) this.#latest = slot;
  }

  #back(slots: number): number {
    return this.#at((this.#latest + SLOTS - slots) % SLOTS);
  }

  #at(slot: number): number {
    return this.#counts[slot] ?? 0;
  }
}
