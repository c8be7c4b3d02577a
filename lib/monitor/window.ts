import { Ring } from './ring';

/** How the durations in a window lie, in seconds; percentiles are nearest-rank: each is one of the durations. */
export interface DurationSummary {
  readonly min: number;
  readonly max: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

const NOTHING: DurationSummary = { min: 0, max: 0, p50: 0, p95: 0, p99: 0 };

/** The latest durations of something, in seconds. Adding one takes the same short time however many there are. */
export class DurationWindow {
  readonly #ring: Ring<Float64Array>;
  #sum = 0;
  // The same sum, begun anew each time the ring does: what adding and subtracting lose does not pile up.
  #lapSum = 0;
  #summary: DurationSummary | undefined = NOTHING;

  /** @param size - how many durations are looked at */
  constructor(size: number) {
    this.#ring = new Ring(size, Float64Array);
  }

  /** Whether it holds as many as it can. */
  get full(): boolean {
    return this.#ring.full;
  }

  /** The mean; 0 before the first. */
  get average(): number {
    return this.#ring.count === 0 ? 0 : this.#sum / this.#ring.count;
  }

  /** Worked out when it is read, by sorting, and kept until the next {@link add}; all 0 before the first. */
  get summary(): DurationSummary {
    return (this.#summary ??= summaryOf(this.#ring.sorted()));
  }

  /** Adds a duration; the oldest leaves when there are too many. */
  add(seconds: number): void {
    this.#sum += seconds - this.#ring.push(seconds);
    this.#lapSum += seconds;
    this.#summary = undefined;
    if (!this.#ring.atStart) return;
    this.#sum = this.#lapSum;
    this.#lapSum = 0;
  }
}

/** How many of the latest answers to a question were yes. */
export class ShareWindow {
  readonly #ring: Ring<Uint8Array>;
  #yes = 0;

  /** @param size - how many answers are looked at */
  constructor(size: number) {
    this.#ring = new Ring(size, Uint8Array);
  }

  /** Whether it holds as many as it can. */
  get full(): boolean {
    return this.#ring.full;
  }

  /** Yes among all answers, in percent; 0 before the first. */
  get percent(): number {
    return this.#ring.count === 0 ? 0 : (100 * this.#yes) / this.#ring.count;
  }

  /** Adds an answer; the oldest leaves when there are too many. */
  add(yes: boolean): void {
    const value = yes ? 1 : 0;
    this.#yes += value - this.#ring.push(value);
  }
}

function summaryOf(sorted: Float64Array): DurationSummary {
  // In whole numbers, so that no rank is one too high because 0.95 is not exact.
  const percentile = (percent: number): number => sorted[Math.ceil((percent * sorted.length) / 100) - 1] ?? 0;
  return {
    min: sorted[0] ?? 0,
    max: sorted.at(-1) ?? 0,
    p50: percentile(50),
    p95: percentile(95),
    p99: percentile(99),
  };
}
