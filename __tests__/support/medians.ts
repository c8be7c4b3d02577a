/** Takes turns measuring, so that whatever else the machine does strikes all alike; the median of each in microseconds. */
export async function medians<T extends string>(
  rounds: number,
  subjects: Readonly<Record<T, () => unknown>>,
): Promise<Readonly<Record<T, number>>> {
  const names = Object.keys(subjects) as T[];
  const samples = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    // Each goes first as often as any other.
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length] as T;
      const begun = process.hrtime.bigint();
      await subjects[name]();
      samples.get(name)?.push(Number(process.hrtime.bigint() - begun) / 1_000);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(samples.get(name) ?? [])])) as Record<T, number>;
}

/** The largest by the smallest. */
export function spread(values: Readonly<Record<string, number>>): number {
  const all = Object.values(values);
  return Math.max(...all) / Math.min(...all);
}

/** As text, for the log of a test. */
export function figures(values: Readonly<Record<string, number>>): string {
  const each = Object.entries(values).map(([name, us]) => `${name} ${us.toFixed(3)}`);
  return `${each.join(', ')} us; largest/smallest ${spread(values).toFixed(3)}`;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
