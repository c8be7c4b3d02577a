import type { Candidate, Running } from './candidate';
import type { Traffic } from './load';

/** What one candidate did with one number of connections: medians over the rounds. */
export interface Figures {
  readonly perSecond: number;
  /** In milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly mean: number;
  /** Processor time of the candidate's own process for each request, in microseconds; not of one that cannot be asked. */
  readonly cpu: number | undefined;
}

/** What was measured, by the candidate's name and the number of connections. */
export type Measured = (candidate: string, connections: number) => Figures | undefined;

/** One line of a scenario's result. */
export interface Finding {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** What it is to be, where something is asked of it. */
  readonly goal?: { readonly atLeast: number } | { readonly atMost: number };
}

/** Candidates under the same load, in turns. */
export interface Comparison {
  readonly title: string;
  readonly candidates: readonly Candidate[];
  readonly connections: readonly number[];
  /** What each is sent; mcpo has the tools at its root. */
  readonly traffic: (candidate: Candidate) => Traffic;
  /** What a first request to each must be answered with, as JSON. */
  readonly answer: unknown;
  /** What it comes to; nothing of a candidate that is missing. */
  readonly findings: (measured: Measured) => readonly (Finding | undefined)[];
  /** What else there is to find out of the candidates after the load. */
  readonly after?: (running: readonly Running[], measured: Measured) => Promise<readonly Finding[]>;
}

/** Something else that is measured. */
export interface Experiment {
  readonly title: string;
  readonly run: () => Promise<Result>;
}

/** A row of a scenario's table. */
export interface Row extends Figures {
  readonly candidate: string;
  readonly connections: number;
}

/** What came of a scenario. */
export interface Result {
  readonly rows: readonly Row[];
  /** Candidates that are not installed here. */
  readonly missing: readonly string[];
  readonly findings: readonly Finding[];
}

/** A benchmark by its name. */
export type Scenario = Comparison | Experiment;

/** How many times one candidate's throughput another reaches; nothing if one of them is missing. */
export function ratio(
  measured: Measured,
  [ours, other]: readonly [string, string],
  connections: number,
  goal?: Finding['goal'],
): Finding | undefined {
  const [a, b] = [measured(ours, connections), measured(other, connections)];
  if (!a || !b) return undefined;
  const what = `${ours} / ${other}, ${connections} connections`;
  return { what, value: a.perSecond / b.perSecond, unit: 'x', ...(goal && { goal }) };
}
