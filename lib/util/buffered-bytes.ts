/**
 * Counts the bytes that a router holds for others. What arrives is held until the message is complete; what leaves is held
 * until the other side has read it, or is cut off.
 */
export class BufferedBytes {
  readonly max: number;
  #arriving = 0;
  #leaving = 0;
  readonly #waiting = new Set<() => void>();

  constructor(max: number) {
    this.max = max;
  }

  get held(): number {
    return this.#arriving + this.#leaving;
  }

  get full(): boolean {
    return this.held >= this.max;
  }

  /** Whether what arrives should wait: it is full, and something is leaving, which makes room. */
  get mustWait(): boolean {
    return this.full && this.#leaving > 0;
  }

  /** @param bytes - what more has arrived of messages that are not complete; negative at the end of one */
  arrive(bytes: number): void {
    this.#arriving += bytes;
    if (bytes < 0) this.#checkRoom();
  }

  /** @param bytes - what the other side has still to read; negative when it has */
  leave(bytes: number): void {
    this.#leaving += bytes;
    if (bytes < 0) this.#checkRoom();
  }

  /** Calls a listener once, as soon as nothing must wait. */
  onRoom(listener: () => void): void {
    this.#waiting.add(listener);
  }

  #checkRoom(): void {
    if (this.#waiting.size === 0 || this.mustWait) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const listener of waiting) listener();
  }
}
