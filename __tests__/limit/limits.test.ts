import { ConcurrencyLimiter } from '../../lib/limit/limiter';
import { Limits } from '../../lib/limit/limits';
import type { Permit } from '../../lib/limit/permit';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let tool: ConcurrencyLimiter;
let server: ConcurrencyLimiter;
let all: ConcurrencyLimiter;
let limits: Limits;

const current = (): number[] => [tool.current, server.current, all.current];

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
  tool = new ConcurrencyLimiter({ maxConcurrent: 1, maxQueue: 1, name: 'tool docs/search' });
  server = new ConcurrencyLimiter({ maxConcurrent: 2, name: 'server docs' });
  all = new ConcurrencyLimiter({ maxConcurrent: 3, queueTimeoutMs: 50 });
  limits = new Limits([tool, server, all]);
});

afterEach(async () => {
  await settled();
  const timers = jest.getTimerCount();
  jest.useRealTimers();
  expect(timers).toBe(0);
});

/** What a promise came to so far. */
function watch(promise: Promise<Permit>): { permit?: Permit; error?: unknown } {
  const seen: { permit?: Permit; error?: unknown } = {};
  promise.then(
    (permit) => (seen.permit = permit),
    (error: unknown) => (seen.error = error),
  );
  return seen;
}

/** Takes all permits that are free. */
function fill(limiter: ConcurrencyLimiter): Permit[] {
  const permits: Permit[] = [];
  for (let permit = limiter.tryAcquire(); permit; permit = limiter.tryAcquire()) permits.push(permit);
  return permits;
}

test('when all are free, one permit of each is taken at once and given back once', () => {
  const permit = limits.tryAcquire();
  expect(current()).toEqual([1, 1, 1]);
  expect(permit?.waitedMs).toBe(0);
  permit?.release();
  permit?.release();
  expect(current()).toEqual([0, 0, 0]);
});

test.each([0, 1, 2])('when limit %i is used up, nothing is held', (which) => {
  fill([tool, server, all][which] as ConcurrencyLimiter);
  const before = current();
  expect(limits.tryAcquire()).toBeUndefined();
  expect(current()).toEqual(before);
});

test('a call that waits for its tool holds nothing of server and router', async () => {
  const [held] = fill(tool);
  const waiter = watch(limits.acquire());
  jest.advanceTimersByTime(7);
  await settled();
  expect(current()).toEqual([1, 0, 0]);
  held?.release();
  await settled();
  expect(current()).toEqual([1, 1, 1]);
  expect(waiter.permit?.waitedMs).toBe(7);
  waiter.permit?.release();
  expect(current()).toEqual([0, 0, 0]);
});

test('waits in several queues add up', async () => {
  const [inTool] = fill(tool);
  const [inAll] = fill(all);
  const waiter = watch(limits.acquire());
  jest.advanceTimersByTime(10);
  inTool?.release();
  await settled();
  expect(current()).toEqual([1, 1, 3]);
  jest.advanceTimersByTime(20);
  inAll?.release();
  await settled();
  expect(waiter.permit?.waitedMs).toBe(30);
});

test('a call that is aborted gives back what it held, wherever it waits', async () => {
  fill(all);
  const caller = new AbortController();
  const waiter = watch(limits.acquire({ signal: caller.signal }));
  await settled();
  expect(current()).toEqual([1, 1, 3]);
  caller.abort('gone');
  await settled();
  expect(waiter.error).toBe('gone');
  expect(current()).toEqual([0, 0, 3]);
  expect(all.waiting).toBe(0);
});

test('a call aborted while a permit was on its way goes no further', async () => {
  const [held] = fill(tool);
  const caller = new AbortController();
  const waiter = watch(limits.acquire({ signal: caller.signal }));
  held?.release();
  // async-sema has resolved, our waiter not yet: the abort comes after its permit.
  while (tool.current === 0) await Promise.resolve();
  caller.abort('gone');
  await settled();
  expect(waiter.error).toBe('gone');
  expect(current()).toEqual([0, 0, 0]);
});

test('a limit that refuses makes the others free again', async () => {
  const permits = fill(all);
  const waiter = watch(limits.acquire());
  await settled();
  const next = watch(limits.acquire());
  expect(current()).toEqual([1, 1, 3]);
  jest.advanceTimersByTime(50);
  await settled();
  expect(waiter.error).toMatchObject({ code: 'MCPO_QUEUE_TIMEOUT' });
  // The next call has moved up from the tool's queue to that of the router.
  expect([tool.waiting, all.waiting]).toEqual([0, 1]);
  jest.advanceTimersByTime(50);
  await settled();
  expect(next.error).toMatchObject({ code: 'MCPO_QUEUE_TIMEOUT' });
  expect(current()).toEqual([0, 0, 3]);
  for (const permit of permits) permit.release();
});

test('each limit has its own queue bound', async () => {
  fill(tool);
  const waiter = watch(limits.acquire());
  await expect(limits.acquire()).rejects.toMatchObject({
    code: 'MCPO_QUEUE_FULL',
    message: 'tool docs/search: 1 calls are waiting already',
  });
  tool.close();
  await settled();
  expect(waiter.error).toMatchObject({ code: 'MCPO_CLOSING' });
  expect(current()).toEqual([1, 0, 0]);
});

test('calls of one tool do not hold up those of another', async () => {
  const other = new Limits([server, all]);
  fill(tool);
  const waiter = watch(limits.acquire());
  const permits = [await other.acquire(), await other.acquire()];
  expect(other.tryAcquire()).toBeUndefined();
  for (const permit of permits) permit.release();
  tool.close();
  await settled();
  expect(waiter.permit).toBeUndefined();
  expect(current()).toEqual([1, 0, 0]);
});

test('no limit at all lets everything through', async () => {
  const none = new Limits([]);
  expect(none.tryAcquire()?.waitedMs).toBe(0);
  expect((await none.acquire()).waitedMs).toBe(0);
});

test('a call that is aborted already gets nothing', async () => {
  await expect(limits.acquire({ signal: AbortSignal.abort('gone') })).rejects.toBe('gone');
  expect(current()).toEqual([0, 0, 0]);
});
