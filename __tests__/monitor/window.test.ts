import fc from 'fast-check';
import { DurationWindow, ShareWindow } from '../../lib/monitor/window';
import { SEED } from '../support/seed';

/** The percentile as its definition has it: the least value that so many percent of all do not exceed. */
function nearestRank(values: readonly number[], percent: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.find((_value, index) => 100 * (index + 1) >= percent * sorted.length);
}

function windowOf(size: number, values: readonly number[]): DurationWindow {
  const window = new DurationWindow(size);
  for (const value of values) window.add(value);
  return window;
}

const numbersTo = (last: number): number[] => Array.from({ length: last }, (_value, index) => index + 1);

test('before the first duration everything is zero', () => {
  const window = new DurationWindow(10);
  expect(window.summary).toEqual({ min: 0, max: 0, p50: 0, p95: 0, p99: 0 });
  expect([window.average, window.full]).toEqual([0, false]);
});

test.each([
  [1, { min: 1, max: 1, p50: 1, p95: 1, p99: 1 }],
  [2, { min: 1, max: 2, p50: 1, p95: 2, p99: 2 }],
  [20, { min: 1, max: 20, p50: 10, p95: 19, p99: 20 }],
  [100, { min: 1, max: 100, p50: 50, p95: 95, p99: 99 }],
  [1_000, { min: 1, max: 1_000, p50: 500, p95: 950, p99: 990 }],
])('the percentiles of the numbers from 1 to %d are of nearest rank', (last, summary) => {
  expect(windowOf(1_000, numbersTo(last)).summary).toEqual(summary);
});

test('durations are sorted as numbers, not as text', () => {
  expect(windowOf(3, [10, 9, 1e-7]).summary).toMatchObject({ min: 1e-7, p50: 9, max: 10 });
});

test('the oldest duration leaves when there are too many, and what was read before does not linger', () => {
  const window = windowOf(3, [100, 1, 2]);
  expect(window.summary.max).toBe(100);
  expect([window.full, window.average]).toEqual([true, 103 / 3]);
  window.add(3);
  expect(window.summary).toEqual({ min: 1, max: 3, p50: 2, p95: 3, p99: 3 });
  expect(window.average).toBe(2);
});

test('a summary is worked out once for the same durations', () => {
  const window = windowOf(3, [1, 2]);
  expect(window.summary).toBe(window.summary);
});

test(`it equals a full sort of the same durations at every moment (seed ${SEED})`, () => {
  const duration = fc.oneof(
    fc.double({ min: 0, max: 100, noNaN: true }),
    // Equal values, and 0, which an unused place holds too.
    fc.constantFrom(0, 0.001, 0.5, 1),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), fc.array(duration, { maxLength: 300 }), (size, durations) => {
      const window = new DurationWindow(size);
      durations.forEach((value, index) => {
        window.add(value);
        const held = durations.slice(Math.max(0, index + 1 - size), index + 1);
        expect(window.full).toBe(held.length === size);
        expect(window.average).toBeCloseTo(held.reduce((sum, next) => sum + next, 0) / held.length, 10);
        expect(window.summary).toEqual({
          min: Math.min(...held),
          max: Math.max(...held),
          p50: nearestRank(held, 50),
          p95: nearestRank(held, 95),
          p99: nearestRank(held, 99),
        });
      });
    }),
    { seed: SEED, numRuns: 100 },
  );
});

test('one absurd duration does not spoil the average for ever', () => {
  const window = windowOf(10, [1e20, ...Array<number>(20).fill(0.1)]);
  expect(window.average).toBeCloseTo(0.1, 12);
});

test('the average does not drift over a million durations', () => {
  const window = new DurationWindow(100);
  for (let index = 0; index < 1_000_000; index++) window.add((index % 7) / 3);
  const held = Array.from({ length: 100 }, (_value, index) => ((999_900 + index) % 7) / 3);
  expect(window.average).toBeCloseTo(held.reduce((sum, next) => sum + next, 0) / 100, 12);
});

test('shares are in percent of what is in the window', () => {
  const window = new ShareWindow(4);
  expect([window.percent, window.full]).toEqual([0, false]);
  window.add(true);
  expect(window.percent).toBe(100);
  for (const yes of [false, false, true]) window.add(yes);
  expect([window.percent, window.full]).toEqual([50, true]);
  window.add(false);
  expect(window.percent).toBe(25);
  for (let answer = 0; answer < 4; answer++) window.add(true);
  expect(window.percent).toBe(100);
});

test(`shares equal a count of the same answers at every moment (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.boolean(), { maxLength: 200 }), (size, answers) => {
      const window = new ShareWindow(size);
      answers.forEach((yes, index) => {
        window.add(yes);
        const held = answers.slice(Math.max(0, index + 1 - size), index + 1);
        expect(window.percent).toBe((100 * held.filter(Boolean).length) / held.length);
      });
    }),
    { seed: SEED },
  );
});
