import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { median } from '../bench/compare';
import { type Report, digits, isMet, table, verdicts } from '../bench/report';
import { SCENARIOS } from '../bench/scenarios';
import { withSummary } from '../bench/summary';

const root = path.join(__dirname, '..');
const page = readFileSync(path.join(root, 'docs/benchmarks.md'), 'utf8');
const results = path.join(root, 'bench/results');

const reports = Object.keys(SCENARIOS).map((name) => {
  return JSON.parse(readFileSync(path.join(results, `${name}.json`), 'utf8')) as Report;
});

it('every benchmark has been run, and every result is of one that there is', () => {
  expect(readdirSync(results).sort()).toEqual(
    Object.keys(SCENARIOS)
      .map((name) => `${name}.json`)
      .sort(),
  );
  expect(reports.map(({ findings }) => findings.length)).not.toContain(0);
});

it('docs/benchmarks.md shows what was measured last, and no more', () => {
  expect(withSummary(page, reports)).toBe(page);
  const [first] = reports;
  expect(first?.machine).toMatch(/Node \d+.*express \d+.*sdk \d+.*load by wrk/);
  expect(existsSync(path.join(root, 'docs/images/bench.svg'))).toBe(true);
});

it('a goal that is missed is said to be', () => {
  const missed = { what: 'speed', value: 0.5, unit: 'x', goal: { atLeast: 1 } };
  const met = { what: 'latency', value: 0.5, unit: 'ms', goal: { atMost: 1 } };
  expect([missed, met, { what: 'size', value: 1, unit: 'B' }].map(isMet)).toEqual([false, true, true]);
  expect(verdicts([missed, met]).split('\n').slice(2)).toEqual([
    '| speed   | 0.5 x    | at least 1 x | MISSED |',
    '| latency | 0.5 ms   | at most 1 ms |        |',
  ]);
  const report: Report = {
    title: 'T',
    date: '2026-01-01',
    machine: 'M',
    rows: [],
    missing: [],
    findings: [missed, met],
  };
  const shown = withSummary('a\n<!-- begin: written by npm run bench -->\nold\n<!-- end -->\nz\n', [report]);
  expect(shown).toContain('| 0.5 x (**missed**) |');
  expect(shown).not.toContain('old');
  expect(shown.split('\n').at(-2)).toBe('z');
});

it('a page without a place for the figures is refused', () => {
  expect(() => withSummary('nothing', [])).toThrow('no place');
});

it('medians and tables are of what was measured', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  expect([digits(12_345.6), digits(1.2345), digits(0.012345)]).toEqual(['12,346', '1.23', '0.0123']);
  const row = { candidate: 'c', connections: 8, perSecond: 1_000, p50: 0.5, p99: 2, mean: 1, cpu: undefined };
  expect(table([row]).split('\n')[2]).toBe(
    '| c         | 8           | 1,000      | 0.5    | 2      |                |',
  );
});
