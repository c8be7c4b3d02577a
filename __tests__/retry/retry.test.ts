import { ConfigError } from '../../lib/errors';
import { Retrier, type RetryCall } from '../../lib/retry/retry';

const always: RetryCall = { shouldRetry: () => true };
const half = (): number => 0.5;

/** Fails as often as told, then succeeds with the number of the try. */
function failing(times: number): jest.Mock<Promise<number>, [number]> {
  return jest.fn((number: number) =>
    number <= times ? Promise.reject(new Error(`failure ${String(number)}`)) : Promise.resolve(number),
  );
}

/** Whether the promise has settled, once all that can have. */
function watch(promise: Promise<unknown>): { end?: unknown } {
  const seen: { end?: unknown } = {};
  promise.then(
    (value) => (seen.end = value),
    (error: unknown) => (seen.end = error),
  );
  return seen;
}

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  const timers = jest.getTimerCount();
  jest.restoreAllMocks();
  jest.useRealTimers();
  expect(timers).toBe(0);
});

test('a call that succeeds is tried once', async () => {
  const attempt = failing(0);
  expect(await new Retrier().run(attempt, always)).toBe(1);
  expect(attempt.mock.calls).toEqual([[1]]);
});

test('a failure is followed by up to two more tries, each after a longer pause', async () => {
  const attempt = failing(3);
  const seen = watch(new Retrier({}, half).run(attempt, always));
  await jest.advanceTimersByTimeAsync(49);
  expect(attempt).toHaveBeenCalledTimes(1);
  await jest.advanceTimersByTimeAsync(1);
  expect(attempt).toHaveBeenCalledTimes(2);
  await jest.advanceTimersByTimeAsync(99);
  expect(attempt).toHaveBeenCalledTimes(2);
  await jest.advanceTimersByTimeAsync(1);
  expect(attempt.mock.calls).toEqual([[1], [2], [3]]);
  expect(seen.end).toEqual(new Error('failure 3'));
});

test('the first success ends it', async () => {
  const attempt = failing(1);
  const result = new Retrier({}, half).run(attempt, always);
  await jest.advanceTimersByTimeAsync(50);
  expect(await result).toBe(2);
});

test('the pause is a random part of a delay that doubles up to two seconds', async () => {
  const timers = jest.spyOn(globalThis, 'setTimeout');
  const random = jest.fn(() => 1);
  const seen = watch(new Retrier({ maxAttempts: 8 }, random).run(failing(8), always));
  await jest.advanceTimersByTimeAsync(20_000);
  expect(timers.mock.calls.map(([, ms]) => ms)).toEqual([100, 200, 400, 800, 1600, 2000, 2000]);
  expect(timers.mock.results.every(({ value }) => (value as NodeJS.Timeout).hasRef())).toBe(true);
  expect(seen.end).toEqual(new Error('failure 8'));
});

test('by default the jitter is Math.random', async () => {
  jest.spyOn(Math, 'random').mockReturnValueOnce(0);
  const result = new Retrier().run(failing(1), always);
  await jest.advanceTimersByTimeAsync(0);
  expect(await result).toBe(2);
});

test('what may not be retried is not', async () => {
  const attempt = failing(1);
  const shouldRetry = jest.fn(() => false);
  await expect(new Retrier().run(attempt, { shouldRetry })).rejects.toThrow('failure 1');
  expect(shouldRetry.mock.calls).toEqual([[new Error('failure 1')]]);
  expect(attempt).toHaveBeenCalledTimes(1);
});

test('what a try throws counts like a rejection', async () => {
  const result = new Retrier({}, half).run((number) => {
    if (number === 1) throw new Error('thrown');
    return Promise.resolve(number);
  }, always);
  await jest.advanceTimersByTimeAsync(50);
  expect(await result).toBe(2);
});

test('one attempt means no retry', async () => {
  await expect(new Retrier({ maxAttempts: 1 }).run(failing(1), always)).rejects.toThrow('failure 1');
});

test('the caller that leaves ends the pause at once', async () => {
  const attempt = failing(1);
  const caller = new AbortController();
  const remove = jest.spyOn(caller.signal, 'removeEventListener');
  const result = new Retrier({}, half).run(attempt, { ...always, signal: caller.signal });
  const seen = watch(result);
  await jest.advanceTimersByTimeAsync(10);
  caller.abort('gone');
  await jest.advanceTimersByTimeAsync(0);
  expect(seen.end).toBe('gone');
  expect(attempt).toHaveBeenCalledTimes(1);
  expect(remove).toHaveBeenCalledTimes(1);
});

test('a caller that left during a try gets that try’s end', async () => {
  const caller = new AbortController();
  const shouldRetry = jest.fn(() => true);
  const result = new Retrier().run(
    () => {
      caller.abort('gone');
      return Promise.reject(new Error('cancelled'));
    },
    { shouldRetry, signal: caller.signal },
  );
  await expect(result).rejects.toThrow('cancelled');
  expect(shouldRetry).not.toHaveBeenCalled();
});

test('a caller that left before has no try', async () => {
  const attempt = failing(0);
  const left = new Retrier().run(attempt, { ...always, signal: AbortSignal.abort('gone') });
  await expect(left).rejects.toBe('gone');
  expect(attempt).not.toHaveBeenCalled();
});

test('listeners are taken off when the pause is over', async () => {
  const { signal } = new AbortController();
  const add = jest.spyOn(signal, 'addEventListener');
  const remove = jest.spyOn(signal, 'removeEventListener');
  const result = new Retrier({}, half).run(failing(2), { ...always, signal });
  await jest.advanceTimersByTimeAsync(150);
  expect(await result).toBe(3);
  expect(add).toHaveBeenCalledTimes(2);
  expect(remove.mock.calls.map(([, listener]) => listener)).toEqual(add.mock.calls.map(([, listener]) => listener));
});

test('no pause goes beyond the time of the call', async () => {
  const attempt = failing(3);
  const result = new Retrier({}, half).run(attempt, { ...always, timeoutMs: 150 });
  const seen = watch(result);
  await jest.advanceTimersByTimeAsync(50);
  // The second pause would end at 150 ms.
  expect(seen.end).toEqual(new Error('failure 2'));
  expect(attempt).toHaveBeenCalledTimes(2);
});

test('when the budget is used up, failures are not retried until calls have earned retries again', async () => {
  const retrier = new Retrier({ maxAttempts: 2 }, () => 0);
  const failures = async (calls: number): Promise<number> => {
    const attempt = jest.fn(() => Promise.reject(new Error('down')));
    const all = Promise.allSettled(Array.from({ length: calls }, () => retrier.run(attempt, always)));
    await jest.advanceTimersByTimeAsync(0);
    await all;
    return attempt.mock.calls.length - calls;
  };
  // Each of the 100 calls is recorded before any of them fails: 10 + 20.
  expect(await failures(100)).toBe(30);
  expect(await failures(5)).toBe(1);
  await jest.advanceTimersByTimeAsync(10_000);
  expect(await failures(5)).toBe(5);
});

test('a predicate that throws ends the call with what it threw', async () => {
  const bug = new Error('bug');
  const result = new Retrier().run(failing(1), {
    shouldRetry: () => {
      throw bug;
    },
  });
  await expect(result).rejects.toBe(bug);
});

test.each([
  [{ maxAttempts: 0 }, 'retry.maxAttempts must be an integer from 1 to 100, got 0'],
  [{ maxAttempts: 1.5 }, 'retry.maxAttempts'],
  [{ budgetPercent: -1 }, 'retry.budgetPercent must be an integer from 0 to 100, got -1'],
])('%j is refused', (options, message) => {
  const create = (): unknown => new Retrier(options);
  expect(create).toThrow(ConfigError);
  expect(create).toThrow(message);
});
