import fc from 'fast-check';
import { ConfigError, McpoError } from '../../lib/errors';
import type { BreakerOptions } from '../../lib/pool/options';
import { ConnectionPool } from '../../lib/pool/pool';
import { FakeServer, type FakeResource } from '../support/fake-resource';

const seed = Date.now() % 2 ** 31;
const open = { code: 'MCPO_BREAKER_OPEN', status: 503 };
const down = { code: 'MCPO_SERVER_DOWN', status: 503 };
/** Connections that worked are waited for this long. */
const PATIENCE_MS = 5_000;

let server: FakeServer;
let pool: ConnectionPool<FakeResource>;

beforeEach(() => {
  jest.useFakeTimers();
  // No backoff: the cooldown alone says when there may be a try.
  jest.spyOn(Math, 'random').mockReturnValue(0);
  server = new FakeServer();
});

afterEach(async () => {
  const closing = pool.close(0);
  await pass();
  await closing;
  jest.restoreAllMocks();
  jest.useRealTimers();
});

const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);
const call = (signal?: AbortSignal): Promise<number> => pool.use(({ id }) => Promise.resolve(id), { signal });

async function fail(times: number): Promise<void> {
  for (let each = 0; each < times; each++) await expect(call()).rejects.toMatchObject(down);
}

/** A pool that had a connection and can open no other. */
async function lost(breaker: BreakerOptions = {}): Promise<void> {
  pool = new ConnectionPool(server.open, { minConnections: 0, breaker });
  await call();
  server.mode = 'refuse';
  server.resource(0).die();
  await pass(PATIENCE_MS);
}

/** Such a pool whose time for a probe has come. */
async function readyToProbe(): Promise<void> {
  await lost();
  await fail(5);
  await pass(5_000);
  expect(pool.breaker).toBe('half-open');
}

test('it opens after five calls in a row without a connection and then refuses without trying', async () => {
  await lost();
  await fail(4);
  expect(pool.breaker).toBe('closed');
  await fail(1);
  expect(pool.breaker).toBe('open');
  const attempts = server.attempts.length;
  await pass(1_500);
  await expect(call()).rejects.toMatchObject({
    ...open,
    message: 'no connection could be opened for 5 calls in a row',
    headers: { 'Retry-After': '4' },
  });
  expect(server.attempts).toHaveLength(attempts);
});

test('it never opens where there has never been a connection', async () => {
  server.mode = 'refuse';
  pool = new ConnectionPool(server.open, { minConnections: 0, breaker: { threshold: 1 } });
  await fail(10);
  expect(pool.breaker).toBe('closed');
});

test('without the option it never opens', async () => {
  pool = new ConnectionPool(server.open, { minConnections: 0 });
  await call();
  server.mode = 'refuse';
  server.resource(0).die();
  await pass(PATIENCE_MS);
  await fail(10);
  expect(pool.breaker).toBe('closed');
});

test('a connection between failures starts the count again', async () => {
  await lost();
  await fail(4);
  server.mode = 'accept';
  await call();
  server.mode = 'refuse';
  server.alive[0]?.die();
  await pass(PATIENCE_MS);
  await fail(4);
  expect(pool.breaker).toBe('closed');
});

test('a call that fails over a connection, and one that is refused by a rate limit, do not count', async () => {
  await lost({ threshold: 1 });
  server.mode = 'wait';
  const limited = new McpoError('MCPO_UPSTREAM_RATE_LIMITED', 'too many');
  const refused = expect(call()).rejects.toBe(limited);
  await pass();
  server.attempts.at(-1)?.refuse(limited);
  await refused;
  server.mode = 'accept';
  const toolError = new McpoError('MCPO_SERVER_DOWN', 'the tool says so');
  await expect(pool.use(() => Promise.reject(toolError))).rejects.toBe(toolError);
  expect(pool.breaker).toBe('closed');
});

test('after the cooldown one call, and only one, finds out', async () => {
  await readyToProbe();
  server.mode = 'wait';
  const probe = call();
  await pass();
  await expect(call()).rejects.toMatchObject({ ...open, headers: { 'Retry-After': '1' } });
  expect(pool.breaker).toBe('half-open');
  server.attempts.at(-1)?.accept();
  expect(await probe).toBe(1);
  expect(pool.breaker).toBe('closed');
});

test('a probe comes no sooner than the backoff allows a try', async () => {
  await lost({ threshold: 1, cooldownMs: 1 });
  jest.spyOn(Math, 'random').mockReturnValue(0.999);
  await fail(1);
  const { retryAfterMs } = pool;
  expect(retryAfterMs).toBeGreaterThan(1);
  await pass(retryAfterMs - 1);
  expect(pool.breaker).toBe('open');
  await expect(call()).rejects.toMatchObject(open);
  await pass(1);
  const attempts = server.attempts.length;
  await fail(1);
  expect(server.attempts).toHaveLength(attempts + 1);
});

test('a connection that the pool itself opens closes it', async () => {
  await lost();
  await fail(5);
  server.mode = 'wait';
  const opening = pool.start();
  await expect(opening).rejects.toMatchObject(open);
  await pass(5_000);
  const started = pool.start();
  server.attempts.at(-1)?.accept();
  await started;
  expect(pool.breaker).toBe('closed');
});

test('each failed probe doubles the cooldown, up to thirty seconds; a connection resets it', async () => {
  await readyToProbe();
  for (const cooldownMs of [10_000, 20_000, 30_000, 30_000]) {
    await fail(1);
    await pass(cooldownMs - 1);
    expect(pool.breaker).toBe('open');
    await pass(1);
    expect(pool.breaker).toBe('half-open');
  }
  server.mode = 'accept';
  await call();
  server.mode = 'refuse';
  server.alive[0]?.die();
  await pass(PATIENCE_MS);
  await fail(5);
  await pass(5_000);
  expect(pool.breaker).toBe('half-open');
});

test('a cooldown above thirty seconds stays as it is', async () => {
  await lost({ threshold: 1, cooldownMs: 60_000 });
  for (let round = 0; round < 2; round++) {
    await fail(1);
    await pass(59_999);
    expect(pool.breaker).toBe('open');
    await pass(1);
  }
  expect(pool.breaker).toBe('half-open');
});

test('a probe whose caller leaves makes room for the next, even if it is never told', async () => {
  await readyToProbe();
  server.mode = 'ignore';
  const caller = new AbortController();
  const abandoned = call(caller.signal);
  caller.abort('gone');
  await expect(abandoned).rejects.toBe('gone');
  expect(pool.breaker).toBe('half-open');
  const second = call();
  await pass();
  await expect(call()).rejects.toMatchObject(open);
  server.attempts.at(-1)?.accept();
  await second;
  expect(pool.breaker).toBe('closed');
});

test('a caller that has left already makes no probe', async () => {
  await readyToProbe();
  await expect(call(AbortSignal.abort('gone'))).rejects.toBe('gone');
  server.mode = 'accept';
  expect(await call()).toBe(1);
});

test('calls that fail together are counted until it opens, and do not open it twice', async () => {
  await lost();
  server.mode = 'wait';
  const together = Array.from({ length: 40 }, () => expect(call()).rejects.toMatchObject(down));
  server.mode = 'refuse';
  await pass();
  server.attempts.at(-1)?.refuse();
  await Promise.all(together);
  expect(pool.breaker).toBe('open');
  await pass(5_000);
  expect(pool.breaker).toBe('half-open');
});

test(`one probe at a time, and it always comes back (seed ${String(seed)})`, async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('call' as const) }),
    fc.record({ do: fc.constantFrom('refuse' as const, 'leave' as const, 'die' as const, 'accept' as const) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 400 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      server = new FakeServer();
      await lost({ threshold: 2, cooldownMs: 100 });
      server.mode = 'wait';
      const callers = new Set<AbortController>();
      for (const now of steps) {
        if (now.do === 'call') {
          const before = pool.breaker;
          const caller = new AbortController();
          callers.add(caller);
          const ended = call(caller.signal).then(
            () => 'answered',
            (error: unknown) => (error instanceof McpoError ? error.code : 'left'),
          );
          void ended.then(() => callers.delete(caller));
          await pass();
          if (before === 'open') expect(await ended).toBe('MCPO_BREAKER_OPEN');
        } else if (now.do === 'wait') await pass(now.ms);
        else if (now.do === 'leave') [...callers][0]?.abort();
        else if (now.do === 'die') server.alive[0]?.die();
        else server.attempts.at(-1)?.[now.do]();
        await pass();
        if (pool.breaker === 'half-open') expect(pool.stats.waiting).toBeLessThanOrEqual(callers.size);
        if (server.alive.length > 0) expect(pool.breaker).toBe('closed');
      }
      for (const caller of callers) caller.abort();
      server.mode = 'accept';
      for (const attempt of server.attempts) attempt.refuse();
      await pass(30_000);
      expect(await call()).toEqual(expect.any(Number));
      expect(pool.breaker).toBe('closed');
      const closing = pool.close(0);
      await pass();
      await closing;
    }),
    { seed, numRuns: 200 },
  );
});

test.each([
  [{ threshold: 0 }, 'breaker.threshold must be an integer from 1 to'],
  [{ threshold: 2.5 }, 'breaker.threshold'],
  [{ cooldownMs: 0 }, 'breaker.cooldownMs must be an integer from 1 to'],
  [{ cooldownMs: Infinity }, 'breaker.cooldownMs'],
])('%j is refused', (breaker, message) => {
  pool = new ConnectionPool(server.open);
  const create = (): unknown => new ConnectionPool(server.open, { breaker });
  expect(create).toThrow(ConfigError);
  expect(create).toThrow(message);
});
