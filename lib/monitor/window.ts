/** A summary of durations, in seconds. Percentiles are nearest-rank: each is one of the durations. */
export interface DurationSummary {
  readonly min: number;
  readonly max: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

const NOTHING: DurationSummary = { min: 0, max: 0, p50: 0, p95: 0, p99: 0 };

/** The latest durations, in seconds. Adding one takes constant time. */
export class DurationWindow {
  readonly #ring: Ring<Float64Array>;
  #sum = 0;
  // The sum since the last wrap of the ring: replaces #sum, so that rounding errors do not accumulate.
  #lapSum = 0;
  #summary: DurationSummary | undefined = NOTHING;

  constructor(size: number) {
    this.#ring = new Ring(size, Float64Array);
  }

  get full(): boolean {
    return this.#ring.full;
  }

  /** The mean; 0 before the first. */
  get average(): number {
    return this.#ring.count === 0 ? 0 : this.#sum / this.#ring.count;
  }

  /** Computed by sorting when it is read, and kept until the next {@link add}; all 0 before the first. */
  get summary(): DurationSummary {
    return (this.#summary ??= summaryOf(this.#ring.sorted()));
  }

  add(seconds: number): void {
    this.#sum += seconds - this.#ring.push(seconds);
    this.#lapSum += seconds;
    this.#summary = undefined;
    if (!this.#ring.atStart) return;
    this.#sum = this.#lapSum;
    this.#lapSum = 0;
  }
}

/** The share of `true` among the latest values. */
export class ShareWindow {
  readonly #ring: Ring<Uint8Array>;
  #count = 0;

  constructor(size: number) {
    this.#ring = new Ring(size, Uint8Array);
  }

  get full(): boolean {
    return this.#ring.full;
  }

  /** `true` in percent of all values; 0 before the first. */
  get percent(): number {
    return this.#ring.count === 0 ? 0 : (100 * this.#count) / this.#ring.count;
  }

  add(isTrue: boolean): void {
    const value = isTrue ? 1 : 0;
    this.#count += value - this.#ring.push(value);
  }
}

function summaryOf(sorted: Float64Array): DurationSummary {
  // In integers: with 0.95, which is not exact, a rank may be one too high.
  const percentile = (percent: number): number => sorted[Math.ceil((percent * sorted.length) / 100) - 1] ?? 0;
  return {
    min: sorted[0] ?? 0,
    max: sorted.at(-1) ?? 0,
    p50: percentile(50),
    p95: percentile(95),
    p99: percentile(99),
  };
}

const INITIAL_LENGTH = 16;

/** A ring buffer of the latest `size` numbers. It grows with use, up to its size. */
class Ring<T extends Float64Array | Uint8Array> {
  readonly #size: number;
  readonly #make: new (length: number) => T;
  #numbers: T;
  #next = 0;
  #count = 0;

  constructor(size: number, make: new (length: number) => T) {
    this.#size = size;
    this.#make = make;
    this.#numbers = new make(Math.min(size, INITIAL_LENGTH));
  }

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count === this.#size;
  }

  /** Whether the next number is written to the beginning. */
  get atStart(): boolean {
    return this.#next === 0;
  }

  /** Adds a number; returns the one that it replaces, else 0. */
  push(value: number): number {
    if (this.#next === this.#numbers.length) this.#grow();
    const replaced = this.#numbers[this.#next] ?? 0;
    this.#numbers[this.#next] = value;
    this.#next = this.#next + 1 === this.#size ? 0 : this.#next + 1;
    if (this.#count < this.#size) this.#count++;
    return replaced;
  }

  sorted(): T {
    return this.#numbers.slice(0, this.#count).sort() as T;
  }

  #grow(): void {
    const grown = new this.#make(Math.min(this.#size, 2 * this.#numbers.length));
    grown.set(this.#numbers);
    this.#numbers = grown;
  }
}
