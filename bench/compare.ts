import { type Candidate, type Running, isInstalled, start } from './candidate';
import { type Traffic, load } from './load';
import type { Comparison, Figures, Result, Row } from './scenario';

/** How often each candidate has its turn, and how long. */
export const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
export const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);

/**
 * Loads the candidates in turns, A B A B, so that what else happens on the machine happens to all of them.
 *
 * @throws Error when an answer is wrong or a request fails: such a run says nothing
 */
export async function compare(comparison: Comparison): Promise<Result> {
  const missing = comparison.candidates.filter((candidate) => !isInstalled(candidate)).map(({ name }) => name);
  const running: Running[] = [];
  try {
    for (const candidate of comparison.candidates) if (isInstalled(candidate)) running.push(await start(candidate));
    for (const one of running) await check(one, comparison);
    const rows: Row[] = [];
    for (const connections of comparison.connections) {
      const rounds = new Map<Candidate, Figures[]>();
      // The first round is the warm-up.
      for (let round = 0; round <= ROUNDS; round++) {
        for (const one of running) {
          const figures = await measure(one, comparison.traffic(one.candidate), connections);
          if (round > 0) rounds.set(one.candidate, [...(rounds.get(one.candidate) ?? []), figures]);
        }
      }
      for (const [{ name }, all] of rounds) rows.push({ candidate: name, connections, ...medians(all) });
    }
    const measured = (name: string, connections: number): Row | undefined =>
      rows.find((row) => row.candidate === name && row.connections === connections);
    const found = comparison.findings(measured).filter((finding) => finding !== undefined);
    return { rows, missing, findings: [...found, ...((await comparison.after?.(running, measured)) ?? [])] };
  } finally {
    await Promise.all(running.map((one) => one.stop()));
  }
}

async function check({ url, candidate }: Running, comparison: Comparison): Promise<void> {
  const { path, args } = comparison.traffic(candidate);
  const expected = JSON.stringify(comparison.answer);
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: args.replaceAll('%d', '7'),
  });
  const body = await response.text();
  if (response.ok && body === expected) return;
  throw new Error(`${candidate.name} answers ${response.status} ${body} instead of ${expected}`);
}

/**
 * One turn of one candidate.
 *
 * @throws Error when a request fails
 */
export async function measure(running: Running, traffic: Traffic, connections: number): Promise<Figures> {
  const before = await running.usage();
  const { requests, seconds, mean, p50, p99, errors } = await load(running.url, traffic, connections, SECONDS);
  if (errors > 0 || requests === 0) {
    throw new Error(`${errors} of ${requests} requests to ${running.candidate.name} failed`);
  }
  const after = await running.usage();
  return { perSecond: requests / seconds, mean, p50, p99, cpu: before && after && (after.cpu - before.cpu) / requests };
}

function medians(all: readonly Figures[]): Figures {
  const of = (pick: (figures: Figures) => number): number => median(all.map(pick));
  const cpus = all.flatMap(({ cpu }) => (cpu === undefined ? [] : [cpu]));
  return {
    perSecond: of(({ perSecond }) => perSecond),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    mean: of(({ mean }) => mean),
    cpu: cpus.length > 0 ? median(cpus) : undefined,
  };
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}
