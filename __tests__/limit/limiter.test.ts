import { availableParallelism } from 'node:os';
import { ConfigError, McpoError } from '../../lib/errors';
import { ConcurrencyLimiter } from '../../lib/limit/limiter';
import type { LimiterOptions } from '../../lib/limit/options';
import type { Permit } from '../../lib/limit/permit';

/** Lets every promise that can settle do so. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Takes a permit that must be free. */
function take(limiter: ConcurrencyLimiter): Permit {
  const permit = limiter.tryAcquire();
  if (!permit) throw new Error('no permit is free');
  return permit;
}

/** What a promise came to so far. */
function watch(promise: Promise<Permit>): { permit?: Permit; error?: unknown } {
  const seen: { permit?: Permit; error?: unknown } = {};
  promise.then(
    (permit) => (seen.permit = permit),
    (error: unknown) => (seen.error = error),
  );
  return seen;
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
});

afterEach(async () => {
  await settled();
  const timers = jest.getTimerCount();
  jest.restoreAllMocks();
  jest.useRealTimers();
  expect(timers).toBe(0);
});

test('as many permits as the limit are given without waiting', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 2 });
  const first = take(limiter);
  const second = await limiter.acquire();
  expect(limiter.tryAcquire()).toBeUndefined();
  expect([first.waitedMs, second.waitedMs]).toEqual([0, 0]);
  expect(limiter.current).toBe(2);
  first.release();
  expect(limiter.current).toBe(1);
  expect(take(limiter).waitedMs).toBe(0);
  expect(limiter.peak).toBe(2);
});

test('a permit given back twice counts once', () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1 });
  const permit = take(limiter);
  permit.release();
  permit.release();
  take(limiter);
  expect(limiter.tryAcquire()).toBeUndefined();
  expect(limiter.current).toBe(1);
});

test('waiting calls are served in order and learn how long they waited', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1 });
  const held = take(limiter);
  const first = watch(limiter.acquire());
  jest.advanceTimersByTime(100);
  const second = watch(limiter.acquire());
  expect(limiter.waiting).toBe(2);
  jest.advanceTimersByTime(50);
  held.release();
  await settled();
  expect(first.permit?.waitedMs).toBe(150);
  expect(second.permit).toBeUndefined();
  expect(limiter.waiting).toBe(1);
  first.permit?.release();
  await settled();
  expect(second.permit?.waitedMs).toBe(50);
  expect(limiter.waiting).toBe(0);
});

test('a newcomer never overtakes, not even while a permit is on its way to a waiter', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 2 });
  const held = [take(limiter), take(limiter)];
  const waiter = watch(limiter.acquire());
  for (const permit of held) permit.release();
  expect(limiter.tryAcquire()).toBeUndefined();
  const newcomer = watch(limiter.acquire());
  await settled();
  expect(waiter.permit).toBeDefined();
  expect(newcomer.permit).toBeDefined();
  expect(limiter.current).toBe(2);
});

test('a full queue refuses at once', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1, maxQueue: 1, name: 'server docs' });
  const held = take(limiter);
  const waiter = watch(limiter.acquire());
  const error = await limiter.acquire().catch((reason: unknown) => reason as McpoError);
  expect(error).toMatchObject({
    code: 'MCPO_QUEUE_FULL',
    status: 503,
    message: 'server docs: 1 calls are waiting already',
    headers: { 'Retry-After': '1' },
  });
  held.release();
  await settled();
  expect(waiter.permit).toBeDefined();
});

test('principals are served in turn, the calls of each in order; anonymous callers are one principal', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1 });
  const held = take(limiter);
  const order: string[] = [];
  const calls = ['a1', 'a2', 'a3', 'b1', '-1', '-2', 'b2', 'c1'].map(async (call) => {
    const principal = call.startsWith('-') ? undefined : call.charAt(0);
    const permit = await limiter.acquire({ principal });
    order.push(call);
    permit.release();
  });
  held.release();
  await Promise.all(calls);
  expect(order).toEqual(['a1', 'b1', '-1', 'c1', 'a2', 'b2', '-2', 'a3']);
  expect(limiter.waiting).toBe(0);
});

test('in a full queue, a call takes the place of the newest call of the principal with the most', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1, maxQueue: 3, name: 'server docs' });
  const held = take(limiter);
  const busy = Array.from({ length: 3 }, () => watch(limiter.acquire({ principal: 'busy' })));
  const other = watch(limiter.acquire({ principal: 'other' }));
  await settled();
  expect(busy.map(({ error }) => error)).toEqual([undefined, undefined, expect.any(McpoError)]);
  expect(busy[2]?.error).toMatchObject({
    code: 'MCPO_QUEUE_FULL',
    message: 'server docs: 3 calls are waiting, the most of them from this caller',
    headers: { 'Retry-After': '1' },
  });
  // Two of one and one of the other: nobody has more than the busy one, and "other" has fewer.
  await expect(limiter.acquire({ principal: 'busy' })).rejects.toMatchObject({ code: 'MCPO_QUEUE_FULL' });
  const anonymous = watch(limiter.acquire());
  await settled();
  expect(busy[1]?.error).toMatchObject({ code: 'MCPO_QUEUE_FULL' });
  await expect(limiter.acquire({ principal: 'other' })).rejects.toMatchObject({
    message: 'server docs: 3 calls are waiting already',
  });
  limiter.close();
  await settled();
  for (const { error } of [busy[0], other, anonymous].map((one) => one ?? {})) {
    expect(error).toMatchObject({ code: 'MCPO_CLOSING' });
  }
  held.release();
});

test('without a queue, a call that cannot run is refused', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1, maxQueue: 0 });
  const held = await limiter.acquire();
  await expect(limiter.acquire()).rejects.toMatchObject({ code: 'MCPO_QUEUE_FULL' });
  held.release();
  expect((await limiter.acquire()).waitedMs).toBe(0);
});

test('a call waits no longer than its deadline, and its place is free again', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1, maxQueue: 1 });
  const held = take(limiter);
  const waiter = watch(limiter.acquire());
  jest.advanceTimersByTime(29_999);
  await settled();
  expect(waiter.error).toBeUndefined();
  jest.advanceTimersByTime(1);
  expect(limiter.waiting).toBe(0);
  await settled();
  expect(waiter.error).toMatchObject({
    code: 'MCPO_QUEUE_TIMEOUT',
    status: 503,
    message: 'concurrency limit: still waiting after 30000 ms',
    headers: { 'Retry-After': '1' },
  });
  const next = watch(limiter.acquire());
  held.release();
  await settled();
  expect(next.permit).toBeDefined();
  expect(limiter.current).toBe(1);
});

test('an aborted call leaves its place at once, and the permit owed to it serves the next', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1, maxQueue: 1 });
  const held = take(limiter);
  const caller = new AbortController();
  const remove = jest.spyOn(caller.signal, 'removeEventListener');
  const gone = watch(limiter.acquire({ signal: caller.signal }));
  caller.abort('gone');
  expect(limiter.waiting).toBe(0);
  const next = watch(limiter.acquire());
  held.release();
  await settled();
  expect(gone).toEqual({ error: 'gone' });
  expect(remove).toHaveBeenCalledTimes(1);
  expect(next.permit).toBeDefined();
  next.permit?.release();
  await settled();
  expect(take(limiter).waitedMs).toBe(0);
});

test('callers that come and leave for ever do not pile up behind a long call', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1, maxQueue: 2 });
  const held = take(limiter);
  for (let round = 0; round < 10_000; round++) {
    const caller = new AbortController();
    const promise = limiter.acquire({ signal: caller.signal });
    caller.abort('gone');
    await expect(promise).rejects.toBe('gone');
  }
  // One hop for each permit that is owed: far more than one round of promises would be needed for 10,000 of them.
  held.release();
  for (let tick = 0; tick < 20; tick++) await Promise.resolve();
  expect(limiter.tryAcquire()).toBeDefined();
});

test('a call that is aborted already gets nothing, even when a permit is free', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1 });
  await expect(limiter.acquire({ signal: AbortSignal.abort('gone') })).rejects.toBe('gone');
  expect(limiter.current).toBe(0);
  expect(limiter.peak).toBe(0);
});

test('an abort after the permit came changes nothing', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1 });
  const held = take(limiter);
  const caller = new AbortController();
  const waiter = watch(limiter.acquire({ signal: caller.signal }));
  held.release();
  await settled();
  caller.abort();
  expect(waiter.permit).toBeDefined();
  expect(limiter.current).toBe(1);
});

test('run gives the permit back when the work succeeds, fails or throws', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1 });
  expect(await limiter.run(() => limiter.current)).toBe(1);
  expect(await limiter.run(() => Promise.resolve('done'))).toBe('done');
  const bug = new Error('bug');
  await expect(limiter.run(() => Promise.reject(bug))).rejects.toBe(bug);
  const thrown = limiter.run(() => {
    throw bug;
  });
  await expect(thrown).rejects.toBe(bug);
  await expect(limiter.run(() => 1, { signal: AbortSignal.abort('gone') })).rejects.toBe('gone');
  expect(limiter.current).toBe(0);
  expect(limiter.peak).toBe(1);
});

test('a raised limit lets waiting calls in', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1 });
  take(limiter);
  const waiters = [watch(limiter.acquire()), watch(limiter.acquire()), watch(limiter.acquire())];
  limiter.setMaxConcurrent(3);
  await settled();
  expect(waiters.map(({ permit }) => permit !== undefined)).toEqual([true, true, false]);
  expect(limiter.maxConcurrent).toBe(3);
  expect(limiter.current).toBe(3);
  waiters[0]?.permit?.release();
  await settled();
  expect(waiters[2]?.permit).toBeDefined();
});

test('a lowered limit lets running calls end, and new ones wait until fewer than it run', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 4 });
  const held = [take(limiter), take(limiter), take(limiter)];
  const waitersBefore = take(limiter);
  waitersBefore.release();
  limiter.setMaxConcurrent(2);
  const waiter = watch(limiter.acquire());
  held[0]?.release();
  await settled();
  expect(limiter.current).toBe(2);
  expect(waiter.permit).toBeUndefined();
  held[1]?.release();
  await settled();
  expect(waiter.permit).toBeDefined();
  expect(limiter.current).toBe(2);
});

test('a limit lowered while a permit is on its way keeps the waiter waiting', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 2 });
  const [first, second] = [take(limiter), take(limiter)];
  const waiter = watch(limiter.acquire());
  first.release();
  limiter.setMaxConcurrent(1);
  await settled();
  expect(waiter.permit).toBeUndefined();
  expect(limiter.waiting).toBe(1);
  second.release();
  await settled();
  expect(waiter.permit).toBeDefined();
  expect(limiter.current).toBe(1);
});

test('lowered and raised again, the limit is exact', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 3 });
  const held = [take(limiter), take(limiter), take(limiter)];
  limiter.setMaxConcurrent(1);
  limiter.setMaxConcurrent(2);
  for (const permit of held) permit.release();
  await settled();
  expect([take(limiter), take(limiter)]).toHaveLength(2);
  expect(limiter.tryAcquire()).toBeUndefined();
});

test('close refuses the waiting and the late, and takes permits back', async () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1 });
  const held = take(limiter);
  const waiter = watch(limiter.acquire());
  limiter.close();
  limiter.close();
  held.release();
  await settled();
  expect(waiter.error).toMatchObject({ code: 'MCPO_CLOSING', status: 503 });
  expect(limiter.tryAcquire()).toBeUndefined();
  await expect(limiter.acquire()).rejects.toMatchObject({ code: 'MCPO_CLOSING' });
  expect([limiter.current, limiter.waiting]).toEqual([0, 0]);
});

test('the deadline keeps the process alive for the one who waits, and no longer', async () => {
  const timers = jest.spyOn(globalThis, 'setTimeout');
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1 });
  take(limiter);
  const cleared = jest.spyOn(globalThis, 'clearTimeout');
  const waiter = watch(limiter.acquire());
  const [timer] = timers.mock.results.map(({ value }) => value as NodeJS.Timeout);
  expect(timer?.hasRef()).toBe(true);
  limiter.close();
  expect(cleared).toHaveBeenCalledWith(timer);
  await settled();
  expect(waiter.error).toBeInstanceOf(McpoError);
});

test('defaults and presets', () => {
  expect(new ConcurrencyLimiter().maxConcurrent).toBe(100);
  expect(new ConcurrencyLimiter({ maxConcurrent: undefined }).maxConcurrent).toBe(100);
  const cores = availableParallelism();
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 'cpu' });
  expect(limiter.maxConcurrent).toBe(cores);
  limiter.setMaxConcurrent('io');
  expect(limiter.maxConcurrent).toBe(4 * cores);
});

test.each<[LimiterOptions, string]>([
  [{ maxConcurrent: 0 }, "concurrency.maxConcurrent must be an integer from 1 to 1000000, 'cpu' or 'io', got 0"],
  [{ maxConcurrent: 1e9 }, 'concurrency.maxConcurrent'],
  [{ maxConcurrent: NaN }, 'concurrency.maxConcurrent'],
  [{ maxConcurrent: 'gpu' as 'cpu' }, 'concurrency.maxConcurrent'],
  [{ maxQueue: -1 }, 'concurrency.maxQueue must be an integer of at least 0'],
  [{ maxQueue: Infinity }, 'concurrency.maxQueue'],
  [{ queueTimeoutMs: 0 }, 'concurrency.queueTimeoutMs must be an integer of at least 1, got 0'],
  [{ queueTimeoutMs: 2 ** 31 }, 'concurrency.queueTimeoutMs'],
])('%j is refused', (options, message) => {
  const create = (): unknown => new ConcurrencyLimiter(options);
  expect(create).toThrow(ConfigError);
  expect(create).toThrow(message);
});

test('a limit that cannot be is refused at run time too, and changes nothing', () => {
  const limiter = new ConcurrencyLimiter({ maxConcurrent: 1 });
  expect(() => {
    limiter.setMaxConcurrent(0);
  }).toThrow(ConfigError);
  expect(limiter.maxConcurrent).toBe(1);
});
