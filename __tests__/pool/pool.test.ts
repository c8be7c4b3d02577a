import type { PoolEvent } from '../../lib/pool/events';
import type { PoolOptions } from '../../lib/pool/options';
import { ConnectionPool } from '../../lib/pool/pool';
import type { Lease } from '../../lib/pool/resource';
import { FakeServer, type FakeResource } from '../support/fake-resource';

/** A pool that may grow, and soon. */
const MANY = { maxConnections: 10, growAfterMs: 20 };

let server: FakeServer;
let events: PoolEvent[];
const pools: ConnectionPool<FakeResource>[] = [];

beforeEach(() => {
  jest.useFakeTimers();
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
  server = new FakeServer();
  events = [];
});

afterEach(async () => {
  const closing = pools.splice(0).map((pool) => pool.close(0));
  // What ignores that it should end is waited for, but not for ever.
  await jest.advanceTimersByTimeAsync(10_000);
  await Promise.all(closing);
  expect(jest.getTimerCount()).toBe(0);
  jest.restoreAllMocks();
  jest.useRealTimers();
});

function poolWith(options: PoolOptions = {}): ConnectionPool<FakeResource> {
  const pool = new ConnectionPool(server.open, { ...MANY, onEvent: (event) => events.push(event), ...options });
  pools.push(pool);
  return pool;
}

const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);
const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

async function leases(pool: ConnectionPool<FakeResource>, count: number): Promise<Lease<FakeResource>[]> {
  return Promise.all(Array.from({ length: count }, () => pool.acquire()));
}

describe('connections that hold what must not be lost', () => {
  const lost = expect.objectContaining({
    code: 'MCPO_SERVER_DOWN',
    message: expect.stringContaining('was lost') as string,
  });
  const STATEFUL = { minConnections: 0, maxConnections: 1, maxIdleMs: 1_000, stateful: true };

  test('the next call is told of a loss, once', async () => {
    const pool = poolWith(STATEFUL);
    await pool.use(async () => undefined);
    const { life } = pool;
    server.resource(0).die();
    expect(pool.life).not.toBe(life);
    expect(await errorOf(pool.use(async () => undefined))).toEqual(lost);
    expect(await errorOf(pool.use(async () => undefined))).toBeUndefined();
  });

  test('so are the calls that wait for the one that is lost', async () => {
    const pool = poolWith({ ...STATEFUL, maxInFlightPerConnection: 1 });
    const lease = await pool.acquire();
    const waiting = [errorOf(pool.acquire()), errorOf(pool.acquire())];
    server.resource(0).die();
    expect(await Promise.all(waiting)).toEqual([lost, lost]);
    lease.release();
    expect(await errorOf(pool.use(async () => undefined))).toBeUndefined();
  });

  test('one that was closed because it was idle is no loss', async () => {
    const pool = poolWith(STATEFUL);
    await pool.use(async () => undefined);
    await pass(1_000);
    expect(pool.stats.connections).toBe(0);
    expect(await errorOf(pool.use(async () => undefined))).toBeUndefined();
  });
});

describe('filling', () => {
  test('nothing is opened before start or the first call', async () => {
    poolWith();
    await pass(120_000);
    expect(server.attempts).toHaveLength(0);
  });

  test('start opens one first and then the minimum, two at a time', async () => {
    server.mode = 'wait';
    const pool = poolWith({ minConnections: 5 });
    const started = pool.start();
    await pass();
    expect(server.attempts).toHaveLength(1);
    server.attempt(0).accept();
    await started;
    await pass();
    expect(pool.stats).toMatchObject({ connections: 1, opening: 2, inFlight: 0 });
    server.attempt(1).accept();
    await pass();
    expect(pool.stats).toMatchObject({ connections: 2, opening: 2 });
    server.mode = 'accept';
    server.attempt(2).accept();
    server.attempt(3).accept();
    await pass();
    expect(pool.stats).toEqual({
      connections: 5,
      idle: 5,
      busy: 0,
      opening: 0,
      inFlight: 0,
      waiting: 0,
      opened: 5,
      closed: 0,
      errors: 0,
    });
    await pool.start();
    expect(events).toEqual(Array.from({ length: 5 }, () => ({ type: 'open' })));
  });

  test('start rejects when the first try fails, and the pool goes on trying', async () => {
    server.mode = 'refuse';
    const pool = poolWith();
    await expect(pool.start()).rejects.toMatchObject({ code: 'MCPO_SERVER_DOWN', headers: { 'Retry-After': '1' } });
    server.mode = 'accept';
    await pass(125);
    expect(pool.stats).toMatchObject({ connections: 2, opened: 2, errors: 1 });
  });

  test('the first call opens a connection and the minimum follows', async () => {
    const pool = poolWith();
    expect(pool.tryAcquire()).toBeUndefined();
    await expect(pool.use(async (connection) => connection.id)).resolves.toBe(0);
    await pass();
    expect(pool.stats.connections).toBe(2);
  });

  test('a pool without a minimum opens one for a call and no more', async () => {
    const pool = poolWith({ minConnections: 0 });
    await pool.use(async () => undefined);
    await pass(60_000);
    expect(pool.stats).toMatchObject({ connections: 1, opened: 1 });
  });
});

describe('calls', () => {
  test('go to the fewest in flight, the oldest of equals', async () => {
    const pool = poolWith({ minConnections: 3, maxConnections: 3 });
    await pool.start();
    await pass();
    const held = await leases(pool, 5);
    expect(held.map((lease) => lease.connection.id)).toEqual([0, 1, 2, 0, 1]);
    held[3]?.release();
    held[0]?.release();
    expect(pool.tryAcquire()?.connection.id).toBe(0);
    expect(pool.stats).toMatchObject({ busy: 3, idle: 0, inFlight: 4 });
  });

  test('a lease counts until it is released, once', async () => {
    const pool = poolWith({ maxConnections: 1 });
    const [first, second] = await leases(pool, 2);
    first?.release();
    first?.release();
    expect(pool.stats).toMatchObject({ inFlight: 1, busy: 1 });
    second?.release();
    expect(pool.stats).toMatchObject({ inFlight: 0, idle: 1 });
  });

  test('use gives the lease back however the call ends', async () => {
    const pool = poolWith();
    await expect(pool.use(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(
      pool.use(() => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
    expect(pool.stats.inFlight).toBe(0);
  });

  test('wait when all are full, and are served in the order they came', async () => {
    const pool = poolWith({ maxConnections: 1, maxInFlightPerConnection: 2 });
    const held = await leases(pool, 2);
    const order: number[] = [];
    const waiting = [1, 2, 3].map(async (n) => {
      const lease = await pool.acquire();
      order.push(n);
      return lease;
    });
    await pass();
    expect(pool.stats).toMatchObject({ inFlight: 2, waiting: 3 });
    expect(pool.tryAcquire()).toBeUndefined();
    held[0]?.release();
    expect(pool.tryAcquire()).toBeUndefined();
    await pass();
    expect(order).toEqual([1]);
    held[1]?.release();
    (await waiting[0])?.release();
    await pass();
    expect(order).toEqual([1, 2, 3]);
    expect(pool.stats).toMatchObject({ inFlight: 2, waiting: 0 });
  });

  test('a queue that is full, or a wait that is over, is pool exhausted', async () => {
    const pool = poolWith({ maxConnections: 1, maxInFlightPerConnection: 1, maxWaiting: 1, acquireTimeoutMs: 500 });
    await pool.acquire();
    const waiting = errorOf(pool.acquire());
    await expect(pool.acquire()).rejects.toMatchObject({
      code: 'MCPO_POOL_EXHAUSTED',
      status: 503,
      message: '1 calls are waiting for a connection',
    });
    await pass(500);
    expect(await waiting).toMatchObject({
      code: 'MCPO_POOL_EXHAUSTED',
      message: 'no connection was free within 500 ms',
      headers: { 'Retry-After': '1' },
    });
    expect(pool.stats).toMatchObject({ waiting: 0, inFlight: 1 });
  });

  test('an abort ends the wait and frees the place', async () => {
    const pool = poolWith({ maxConnections: 1, maxInFlightPerConnection: 1 });
    const held = await pool.acquire();
    const abort = new AbortController();
    const reason = new Error('gone');
    const gone = errorOf(pool.use(async () => undefined, { signal: abort.signal }));
    const next = pool.acquire({ signal: new AbortController().signal });
    abort.abort(reason);
    expect(await gone).toBe(reason);
    expect(pool.stats.waiting).toBe(1);
    held.release();
    expect((await next).connection.id).toBe(0);
    await expect(pool.acquire({ signal: abort.signal })).rejects.toBe(reason);
    await expect(pool.use(async () => undefined, { signal: abort.signal })).rejects.toBe(reason);
    expect(pool.stats.inFlight).toBe(1);
  });

  test('a connection that has ended takes no call, even before it says so', async () => {
    const pool = poolWith();
    await pool.start();
    await pass();
    server.resource(0).closed = true;
    expect(pool.tryAcquire()?.connection.id).toBe(1);
  });
});

describe('failures', () => {
  test('a failed connect rejects those who wait, and nobody tries before the backoff is over', async () => {
    server.mode = 'wait';
    const pool = poolWith({ minConnections: 0 });
    const waiting = [pool.acquire(), pool.acquire()].map(errorOf);
    await pass();
    const refused = new Error('refused');
    server.attempt(0).refuse(refused);
    for (const error of await Promise.all(waiting)) {
      expect(error).toMatchObject({
        code: 'MCPO_SERVER_DOWN',
        cause: refused,
        message: 'no connection could be opened',
      });
    }
    expect(pool.lastError).toBe(refused);
    await pass(124);
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'MCPO_SERVER_DOWN', headers: { 'Retry-After': '1' } });
    await pass(60_000);
    expect(server.attempts).toHaveLength(1);
    server.mode = 'accept';
    await expect(pool.acquire()).resolves.toBeDefined();
  });

  test('a failed connect rejects even when the backoff is drawn as nothing', async () => {
    jest.mocked(Math.random).mockReturnValue(0);
    server.mode = 'refuse';
    const pool = poolWith({ minConnections: 0 });
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'MCPO_SERVER_DOWN' });
    expect(server.attempts).toHaveLength(1);
  });

  test('the minimum is tried again with a growing backoff, up to 30 s', async () => {
    server.mode = 'refuse';
    const pool = poolWith();
    await errorOf(pool.start());
    await pass(200_000);
    const gaps = server.attempts.slice(1).map(({ at }, index) => Math.round(at - server.attempt(index).at));
    expect(gaps.slice(0, 9)).toEqual([125, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    server.mode = 'accept';
    await pass(15_000);
    expect(pool.stats).toMatchObject({ connections: 2, opening: 0 });
  });

  test('the minimum is tried again wherever the end of a backoff falls between two looks at the clock', async () => {
    const now = performance.now.bind(performance);
    let looks = 0;
    // Time goes on while the pool looks, and a timer may fire a little before its time.
    jest.spyOn(performance, 'now').mockImplementation(() => now() * 0.99 + looks++ * 0.05);
    for (let part = 1; part <= 200; part++) {
      jest.mocked(Math.random).mockReturnValue(part / 400);
      const refusing = new FakeServer();
      refusing.mode = 'refuse';
      const pool = new ConnectionPool(refusing.open, { ...MANY, healthCheckIntervalMs: 600_000 });
      pools.push(pool);
      await errorOf(pool.start());
      refusing.mode = 'accept';
      await pass(200);
      expect({ part, connections: pool.stats.connections }).toEqual({ part, connections: 2 });
      await pool.close(0);
    }
  });

  test('two that fail side by side are one failure', async () => {
    const pool = poolWith({ minConnections: 3 });
    server.mode = 'wait';
    const started = pool.start();
    server.attempt(0).accept();
    await started;
    await pass();
    server.attempt(1).refuse();
    server.attempt(2).refuse();
    await pass();
    expect(pool.stats).toMatchObject({ connections: 1, errors: 2 });
    await pass(124);
    expect(server.attempts).toHaveLength(3);
    await pass(1);
    expect(server.attempts).toHaveLength(4);
  });

  test('a connect that takes too long is given up, and closed when it comes after all', async () => {
    server.mode = 'ignore';
    const pool = poolWith({ minConnections: 0, connectTimeoutMs: 1_000 });
    const waiting = errorOf(pool.acquire());
    await pass(1_000);
    expect(await waiting).toMatchObject({
      code: 'MCPO_SERVER_DOWN',
      cause: { code: 'MCPO_TIMEOUT', message: 'no connection within 1000 ms' },
    });
    expect(server.attempt(0).signal.aborted).toBe(true);
    const late = server.attempt(0).accept();
    await pass();
    expect(late.closes).toBe(1);
    expect(pool.stats).toMatchObject({ connections: 0, opening: 0, opened: 0, errors: 1 });
  });

  test('a connection that has ended when it arrives is a failed connect', async () => {
    server.mode = 'wait';
    const pool = poolWith({ minConnections: 0 });
    const waiting = errorOf(pool.acquire());
    server.attempt(0).accept().die();
    expect(await waiting).toMatchObject({ code: 'MCPO_SERVER_DOWN', cause: { code: 'MCPO_CONNECTION_LOST' } });
  });

  test('one that dies after it had worked is replaced at once, and calls wait for that', async () => {
    const pool = poolWith({ minConnections: 1 });
    await pool.use(async () => undefined);
    server.mode = 'wait';
    server.resource(0).die();
    expect(pool.stats).toMatchObject({ connections: 0, opening: 1, closed: 1, errors: 1 });
    const call = pool.use(async (connection) => connection.id);
    server.attempt(1).accept();
    await expect(call).resolves.toBe(1);
    expect(events.slice(1, 3)).toEqual([
      { type: 'close', reason: 'died' },
      { type: 'error', reason: 'died', error: pool.lastError },
    ]);
  });

  test('one that dies before it had ever worked is replaced at once only the first time', async () => {
    const pool = poolWith({ minConnections: 1 });
    await pool.start();
    server.resource(0).die();
    await pass();
    expect(pool.stats.connections).toBe(1);
    server.resource(1).die();
    await pass(249);
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'MCPO_SERVER_DOWN' });
    expect(server.attempts).toHaveLength(2);
    await pass(1);
    expect(pool.stats).toMatchObject({ connections: 1, opened: 3 });
    await pool.use(async () => undefined);
    server.resource(2).die();
    await pass();
    expect(pool.stats.connections).toBe(1);
  });

  test('callers wait while it is down that worked a moment ago, and are sent away when it stays down', async () => {
    const pool = poolWith({ minConnections: 0 });
    await pool.use(async () => undefined);
    server.mode = 'refuse';
    server.resource(0).die();
    const back = pool.use(async (connection) => connection.id);
    await pass(1_000);
    expect(server.attempts.length).toBeGreaterThan(2);
    server.mode = 'accept';
    await pass(2_000);
    await expect(back).resolves.toBe(1);

    server.mode = 'refuse';
    server.resource(1).die();
    const lost = errorOf(pool.use(async () => undefined));
    await pass(20_000);
    expect(await lost).toMatchObject({ code: 'MCPO_SERVER_DOWN' });
  });

  test('one that takes no more calls is replaced at once, and closed with its last call', async () => {
    const pool = poolWith({ minConnections: 1 });
    const [first, second] = await leases(pool, 2);
    server.resource(0).closed = true;
    first?.release();
    await pass();
    expect(pool.stats).toMatchObject({ connections: 2, inFlight: 1, opened: 2 });
    expect(server.resource(0).closes).toBe(0);
    second?.release();
    await pass();
    expect(server.resource(0).closes).toBe(1);
    expect(pool.stats).toMatchObject({ connections: 1, inFlight: 0, closed: 1 });
  });

  test('leases of a dead connection end when their owners release them', async () => {
    const pool = poolWith({ minConnections: 0 });
    const lease = await pool.acquire();
    lease.connection.die();
    expect(pool.stats).toMatchObject({ connections: 0, inFlight: 1, busy: 0 });
    lease.release();
    expect(pool.stats).toMatchObject({ connections: 0, inFlight: 0 });
    expect(server.attempts).toHaveLength(1);
  });

  test('a listener that throws becomes a warning and breaks nothing', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const thrown: unknown[] = [new Error('listener'), 'text'];
    const pool = poolWith({
      onEvent: () => {
        throw thrown.shift();
      },
    });
    await pool.start();
    await pass();
    expect(pool.stats.connections).toBe(2);
    expect(warn.mock.calls).toEqual([[new Error('listener')], ['text']]);
  });
});

describe('close', () => {
  test('refuses new calls, waits for those in flight, then closes all; twice is once', async () => {
    const pool = poolWith({ maxConnections: 2, maxInFlightPerConnection: 1 });
    const held = await leases(pool, 2);
    const waiting = errorOf(pool.acquire());
    const closing = pool.close();
    expect(pool.close()).toBe(closing);
    expect(await waiting).toMatchObject({ code: 'MCPO_CLOSING', status: 503 });
    await expect(pool.use(async () => undefined)).rejects.toMatchObject({ code: 'MCPO_CLOSING' });
    expect(pool.tryAcquire()).toBeUndefined();
    held[0]?.release();
    await pass(9_999);
    expect(server.alive).toHaveLength(2);
    held[1]?.release();
    await closing;
    expect(server.alive).toHaveLength(0);
    expect(pool.stats).toMatchObject({ connections: 0, closed: 2, errors: 0 });
    expect(events.slice(2)).toEqual([1, 2].map(() => ({ type: 'close', reason: 'closing' })));
    expect(jest.getTimerCount()).toBe(0);
  });

  test('does not wait for ever', async () => {
    const pool = poolWith();
    const lease = await pool.acquire();
    const closing = pool.close(2_000);
    lease.connection.die();
    await pass(2_000);
    await closing;
    lease.release();
    expect(pool.stats).toMatchObject({ connections: 0, inFlight: 0, errors: 0 });
  });

  test('a connection being opened is given up, and waited for', async () => {
    server.mode = 'wait';
    const pool = poolWith();
    const started = errorOf(pool.start());
    await pool.close();
    expect(await started).toMatchObject({ code: 'MCPO_CLOSING' });
    expect(server.attempt(0).signal.reason).toMatchObject({ code: 'MCPO_CLOSING' });
    expect(pool.stats).toMatchObject({ opening: 0, opened: 0, errors: 0 });
  });

  test('a connection that arrives while the pool closes is closed', async () => {
    server.mode = 'ignore';
    const pool = poolWith();
    const started = errorOf(pool.start());
    const closing = pool.close();
    const late = server.attempt(0).accept();
    await closing;
    expect(late.closes).toBe(1);
    expect(await started).toMatchObject({ code: 'MCPO_CLOSING' });
  });

  test('a connection that arrives after the pool has closed is closed', async () => {
    server.mode = 'ignore';
    const pool = poolWith();
    const started = errorOf(pool.start());
    const closing = pool.close(100);
    await pass(10_100);
    await closing;
    const late = server.attempt(0).accept();
    await started;
    await pass();
    expect(late.closes).toBe(1);
  });

  test('ends the backoff', async () => {
    server.mode = 'refuse';
    const pool = poolWith();
    await errorOf(pool.start());
    await pool.close();
    await pass(60_000);
    expect(server.attempts).toHaveLength(1);
  });

  test('a connection that fails to close is reported', async () => {
    const pool = poolWith({ minConnections: 1 });
    await pool.start();
    const error = new Error('stuck');
    server.resource(0).closeError = error;
    await pool.close();
    expect(events.at(-1)).toEqual({ type: 'error', reason: 'close', error });
  });
});
