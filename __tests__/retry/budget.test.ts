import fc from 'fast-check';
import { ConfigError } from '../../lib/errors';
import { RetryBudget } from '../../lib/retry/budget';
import { SEED } from '../support/seed';

/** Takes all retries that are left. */
function drain(budget: RetryBudget): number {
  let retries = 0;
  while (budget.tryRetry()) retries++;
  return retries;
}

function record(budget: RetryBudget, calls: number): void {
  for (let call = 0; call < calls; call++) budget.recordCall();
}

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});

afterEach(() => {
  jest.useRealTimers();
});

test('a quiet server may have a few retries', () => {
  expect(drain(new RetryBudget())).toBe(10);
});

test('a fifth of the calls is added', () => {
  const budget = new RetryBudget();
  record(budget, 104);
  expect(drain(budget)).toBe(30);
  record(budget, 1);
  expect(drain(budget)).toBe(1);
});

test('the share is an option, and may be none', () => {
  const [half, none] = [new RetryBudget({ budgetPercent: 50 }), new RetryBudget({ budgetPercent: 0 })];
  record(half, 100);
  record(none, 100);
  expect([drain(half), drain(none)]).toEqual([60, 10]);
});

test('calls and retries older than ten seconds no longer count', () => {
  const budget = new RetryBudget();
  record(budget, 100);
  jest.advanceTimersByTime(5_000);
  expect(drain(budget)).toBe(30);
  // The calls are gone, the retries not yet.
  jest.advanceTimersByTime(5_000);
  expect(drain(budget)).toBe(0);
  jest.advanceTimersByTime(5_000);
  expect(drain(budget)).toBe(10);
  jest.advanceTimersByTime(3_600_000);
  expect(drain(budget)).toBe(10);
});

test(`the window slides by whole seconds (seed ${SEED})`, () => {
  const step = fc.record({ waitMs: fc.nat(4_000), calls: fc.nat(50), retries: fc.nat(30) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 0, max: 100 }), (steps, budgetPercent) => {
      const budget = new RetryBudget({ budgetPercent });
      const calls: number[] = [];
      const retries: number[] = [];
      const second = (): number => Math.floor(performance.now() / 1_000);
      const recent = (times: number[]): number => times.filter((time) => time > second() - 10).length;
      for (const now of steps) {
        jest.advanceTimersByTime(now.waitMs);
        record(budget, now.calls);
        calls.push(...Array<number>(now.calls).fill(second()));
        for (let retry = 0; retry < now.retries; retry++) {
          const allowed = recent(retries) + 1 <= 10 + (budgetPercent / 100) * recent(calls);
          expect(budget.tryRetry()).toBe(allowed);
          if (allowed) retries.push(second());
        }
      }
    }),
    { seed: SEED },
  );
});

test.each([-1, 101, 0.5, NaN])('the share cannot be %p', (budgetPercent) => {
  const create = (): unknown => new RetryBudget({ budgetPercent });
  expect(create).toThrow(ConfigError);
  expect(create).toThrow(`retry.budgetPercent must be an integer from 0 to 100, got ${String(budgetPercent)}`);
});
