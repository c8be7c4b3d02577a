import type { Finding, Result, Row } from './scenario';

/** What was measured of a scenario, where and when. */
export interface Report extends Result {
  readonly title: string;
  readonly date: string;
  readonly machine: string;
}

/** Figures as a table for a terminal and for Markdown. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map(({ candidate, connections, perSecond, p50, p99, cpu }) => [
    candidate,
    String(connections),
    whole(perSecond),
    digits(p50),
    digits(p99),
    cpu === undefined ? '' : whole(cpu),
  ]);
  return markdown(['candidate', 'connections', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs/request'], cells);
}

/** What it came to, and whether that is what it is to be. */
export function verdicts(findings: readonly Finding[]): string {
  const cells = findings.map((finding) => [
    finding.what,
    `${digits(finding.value)} ${finding.unit}`,
    goalOf(finding),
    isMet(finding) ? '' : 'MISSED',
  ]);
  return markdown(['figure', 'measured', 'goal', ''], cells);
}

/** Whether a finding is what it is to be; one of which nothing is asked is. */
export function isMet({ value, goal }: Finding): boolean {
  if (!goal) return true;
  return 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost;
}

/** What is asked of a finding, in words. */
export function goalOf({ goal, unit }: Finding): string {
  if (!goal) return '';
  return 'atLeast' in goal ? `at least ${goal.atLeast} ${unit}` : `at most ${goal.atMost} ${unit}`;
}

/** A number with as many digits as can be believed. */
export function digits(value: number): string {
  return Math.abs(value) >= 100 ? whole(value) : String(Number(value.toPrecision(3)));
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** A Markdown table whose columns are aligned. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) => Math.max(3, name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
