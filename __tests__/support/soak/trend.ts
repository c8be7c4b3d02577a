/** The middle of some numbers. */
function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** What a measure was in the second and in the last fifth of the time: medians, as single samples say little. */
export interface Trend {
  readonly early: number;
  readonly late: number;
}

/** How a measure has developed. The first fifth is left out: what is filled once has been filled then. */
export function trendOf(samples: readonly number[]): Trend {
  const fifth = Math.floor(samples.length / 5);
  return { early: median(samples.slice(fifth, 2 * fifth)), late: median(samples.slice(-fifth)) };
}

/** Whether a measure has grown by more than a share of it and an amount beside. */
export function grows({ early, late }: Trend, share: number, amount: number): boolean {
  return !(late <= early * (1 + share) + amount);
}
