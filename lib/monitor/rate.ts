const SLOT_MS = 100;
const SLOTS_PER_SECOND = 1_000 / SLOT_MS;
// Five seconds, and the slot that lies partly in them.
const SLOTS = 5 * SLOTS_PER_SECOND + 1;

/**
 * How often something happens, over the last second and the last five, on the clock of `performance.now()`.
 *
 * It counts in slots of 100 ms instead of keeping every time. Of the slot in which the time looked at begins, the part
 * that lies within is taken, as if all in it had been evenly spread. So an event fades out within 100 ms.
 */
export class Rate {
  readonly #counts = new Uint32Array(SLOTS);
  // The number of the slot counted in last.
  #latest = 0;

  /** Counts one event at `now`. */
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
    // A clock that was set back is nowhere in the latest slot.
    const elapsed = Math.max(0, now / SLOT_MS - this.#latest);
    return (events + (1 - elapsed) * this.#back(whole)) / seconds;
  }

  /** Empties the slots that have gone by since the last time. */
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
