import { McpoError } from '../../lib';
import type { PoolEvent } from '../../lib/pool/events';
import type { PoolOptions } from '../../lib/pool/options';
import { ConnectionPool } from '../../lib/pool/pool';
import { deferred } from '../support/deferred';
import { FakeServer, type FakeResource } from '../support/fake-resource';

/** A pool that may grow, and soon. */
const MANY = { maxConnections: 10, growAfterMs: 20 };

let server: FakeServer;
let pool: ConnectionPool<FakeResource>;
let events: PoolEvent[];

beforeEach(() => {
  jest.useFakeTimers();
  server = new FakeServer();
  events = [];
});

afterEach(async () => {
  const closing = pool.close(0);
  await jest.advanceTimersByTimeAsync(0);
  await closing;
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);

async function started(options: PoolOptions): Promise<void> {
  pool = new ConnectionPool(server.open, { ...MANY, onEvent: (event) => events.push(event), ...options });
  await pool.start();
  await pass();
}

test('idle connections are pinged every healthCheckIntervalMs', async () => {
  await started({ healthCheckIntervalMs: 1_000 });
  await pass(3_000);
  expect(server.resources.map(({ pings }) => pings)).toEqual([3, 3]);
  expect(pool.stats).toMatchObject({ connections: 2, closed: 0 });
});

test('one that does not answer is dropped and replaced', async () => {
  await started({ pingTimeoutMs: 5_000 });
  server.resource(0).hung = true;
  await pass(60_000);
  expect(pool.stats.connections).toBe(2);
  await pass(5_000);
  expect(server.resource(0).closes).toBe(1);
  expect(server.alive.map(({ id }) => id)).toEqual([1, 2]);
  expect(events.slice(2, 5)).toMatchObject([
    { type: 'error', reason: 'ping', error: { code: 'MCPO_TIMEOUT', message: 'silent for 5000 ms after a ping' } },
    { type: 'close', reason: 'unresponsive' },
    { type: 'open' },
  ]);
});

test('a busy connection is not pinged while its calls are young', async () => {
  await started({ minConnections: 1, maxConnections: 1, healthCheckIntervalMs: 1_000 });
  for (let n = 0; n < 10; n++) {
    const lease = await pool.acquire();
    await pass(500);
    lease.release();
    await pool.acquire().then(async (next) => {
      await pass(500);
      next.release();
    });
  }
  expect(server.resource(0).pings).toBe(0);
});

test('one whose calls are given up one after the other is pinged, however young they are', async () => {
  await started({ minConnections: 1, maxConnections: 1, healthCheckIntervalMs: 1_000, pingTimeoutMs: 100 });
  server.resource(0).hung = true;
  const givenUp = (): Promise<never> =>
    new Promise((_resolve, reject) => {
      setTimeout(() => {
        reject(new Error('late'));
      }, 400);
    });
  const calls = async (): Promise<void> => {
    for (let n = 0; n < 10; n++) await pool.use(givenUp).catch(() => undefined);
  };
  const running = calls();
  await pass(3_500);
  expect(server.resource(0)).toMatchObject({ pings: 1, closes: 1 });
  await pass(1_000);
  await running;
});

test('a busy one that has not answered for long is pinged once at a time', async () => {
  await started({ minConnections: 1, maxConnections: 1, healthCheckIntervalMs: 1_000, pingTimeoutMs: 5_000 });
  const lease = await pool.acquire();
  lease.connection.hung = true;
  await pass(4_000);
  expect(lease.connection.pings).toBe(1);
});

test('a hung one takes no more calls, is replaced, keeps those it has, and closes with the last', async () => {
  await started({
    minConnections: 1,
    maxConnections: 2,
    healthCheckIntervalMs: 1_000,
    pingTimeoutMs: 100,
    growAfterMs: 10_000,
  });
  const held = await pool.acquire();
  held.connection.hung = true;
  await pass(3_200);
  expect(pool.stats).toMatchObject({ connections: 2, busy: 1, idle: 1 });
  expect(held.connection.closes).toBe(0);
  const next = await pool.acquire();
  const another = await pool.acquire();
  expect([next, another].map(({ connection }) => connection.id)).toEqual([1, 1]);
  await pass(500);
  held.release();
  expect(held.connection.closes).toBe(1);
  expect(pool.stats).toMatchObject({ connections: 1, inFlight: 2 });
});

test('with no room beside a hung one, calls wait until it has gone', async () => {
  await started({ minConnections: 1, maxConnections: 1, healthCheckIntervalMs: 1_000, pingTimeoutMs: 100 });
  const held = await pool.acquire();
  held.connection.hung = true;
  await pass(2_500);
  const next = pool.use(async (connection) => connection.id);
  await pass();
  expect(pool.stats).toMatchObject({ connections: 1, waiting: 1 });
  held.release();
  await expect(next).resolves.toBe(1);
});

test('a ping whose answer comes after the connection has died changes nothing', async () => {
  await started({ minConnections: 1, healthCheckIntervalMs: 1_000, pingTimeoutMs: 100 });
  server.resource(0).hung = true;
  await pass(1_050);
  server.resource(0).die();
  await pass(100);
  expect(pool.stats).toMatchObject({ connections: 1, opened: 2, closed: 1, errors: 1 });
});

test('a server that starts but never answers is not started for ever', async () => {
  server.hung = true;
  await started({ minConnections: 1, healthCheckIntervalMs: 10, pingTimeoutMs: 10 });
  await pass(60_000);
  expect(pool.stats.opened).toBeGreaterThan(3);
  expect(pool.stats.opened).toBeLessThan(30);
});

test('a connection in the middle of its ping does not keep the pool from closing', async () => {
  await started({ minConnections: 1, healthCheckIntervalMs: 1_000 });
  server.resource(0).hung = true;
  await pass(1_500);
  await pool.close();
  await pass(10_000);
  expect(pool.stats).toMatchObject({ connections: 0, errors: 0 });
});

const timedOut = (): Promise<never> => Promise.reject(new McpoError('MCPO_TIMEOUT', 'too late'));

test('one with a call that timed out is pinged at once, and until it answers others come first', async () => {
  await started({ minConnections: 2, maxConnections: 2, healthCheckIntervalMs: 60_000, pingTimeoutMs: 5_000 });
  const [first, second] = server.resources as [FakeResource, FakeResource];
  first.hung = true;
  await pool.use(timedOut).catch(() => undefined);
  await pass();
  expect([first.pings, second.pings]).toEqual([1, 0]);
  const leases = await Promise.all(Array.from({ length: 5 }, () => pool.acquire()));
  expect(leases.map(({ connection }) => connection.id)).toEqual([1, 1, 1, 1, 1]);
  await pass(5_000);
  expect(server.alive.map(({ id }) => id)).toEqual([1, 2]);
  for (const lease of leases) lease.release();
});

test('one that answers the ping after a time-out stays, and is the first again', async () => {
  await started({ minConnections: 2, maxConnections: 2, healthCheckIntervalMs: 60_000 });
  await pool.use(timedOut).catch(() => undefined);
  await pass();
  expect(await pool.use(async ({ id, pings }) => [id, pings])).toEqual([0, 1]);
});

test('any message during a ping that fails is life, and so is one since the last check', async () => {
  await started({ minConnections: 1, maxConnections: 1, healthCheckIntervalMs: 1_000, pingTimeoutMs: 500 });
  const connection = server.resource(0);
  connection.hung = true;
  for (let n = 0; n < 5; n++) {
    await pass(1_100);
    connection.received++;
    await pass(900);
  }
  expect(connection.pings).toBeGreaterThan(0);
  expect(connection.closes).toBe(0);
  connection.hung = false;
  connection.pingError = new Error('no such method');
  await pass(3_000);
  expect(connection.closes).toBe(1); // silent: the ping was not even sent
});

test('with one connection the next is opened once the last has been closed, and calls wait', async () => {
  const closing = deferred();
  await started({ minConnections: 1, maxConnections: 1, healthCheckIntervalMs: 1_000, pingTimeoutMs: 500 });
  server.resource(0).hung = true;
  server.resource(0).closing = closing.promise;
  await pass(1_500);
  expect(server.resource(0).closes).toBe(1);
  const next = pool.use(async ({ id }) => id);
  await pass(2_000);
  expect(server.attempts).toHaveLength(1);
  closing.resolve();
  await expect(next).resolves.toBe(1);
});
