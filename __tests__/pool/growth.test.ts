import { ConnectionPool } from '../../lib/pool/pool';
import type { PoolEvent } from '../../lib/pool/events';
import type { PoolOptions } from '../../lib/pool/options';
import { FakeServer, type FakeResource } from '../support/fake-resource';

let server: FakeServer;
let pool: ConnectionPool<FakeResource>;

beforeEach(() => {
  jest.useFakeTimers();
  server = new FakeServer();
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
  pool = new ConnectionPool(server.open, { maxConnections: 10, growAfterMs: 20, ...options });
  await pool.start();
  await pass();
}

/** Callers that call again as soon as they are answered; each connection makes one call at a time, each `ms` long. */
function callers(count: number, ms: number, blocking: boolean): { answered: number; stop: () => void } {
  const lines = new Map<FakeResource, Promise<void>>();
  const run = { answered: 0, stop: () => void (going = false) };
  let going = true;
  const tool = (connection: FakeResource): Promise<void> => {
    const before = (blocking && lines.get(connection)) || Promise.resolve();
    const call = before.then(() => new Promise<void>((resolve) => setTimeout(resolve, ms)));
    lines.set(connection, call);
    return call;
  };
  const caller = async (): Promise<void> => {
    while (going) {
      await pool.use(tool);
      run.answered++;
    }
  };
  for (let n = 0; n < count; n++) void caller();
  return run;
}

test('the pool grows when all are busy for longer than growAfterMs, and not sooner', async () => {
  await started({ minConnections: 1 });
  await pool.acquire();
  await pass(20);
  expect(pool.stats.opened).toBe(1);
  await pass(10);
  expect(pool.stats).toMatchObject({ connections: 2, busy: 1, idle: 1 });
  await pass(1_000);
  expect(pool.stats.connections).toBe(2);
});

test('a lease given late in a tick is not taken for older than it is', async () => {
  await started({ minConnections: 1, growAfterMs: 20 });
  const first = await pool.acquire();
  await pass(9);
  await pool.acquire();
  first.release();
  await pass(20);
  expect(pool.stats.opened).toBe(1);
  await pass(1);
  expect(pool.stats.opened).toBe(2);
});

test('no call waits for the new connection while another has room', async () => {
  await started({ minConnections: 1, maxInFlightPerConnection: 2 });
  server.mode = 'wait';
  await pool.acquire();
  await pass(30);
  expect(pool.stats.opening).toBe(1);
  expect(pool.tryAcquire()?.connection.id).toBe(0);
});

test('a second is opened at the same time only when there are calls for it', async () => {
  await started({ minConnections: 1 });
  server.mode = 'wait';
  await pool.acquire();
  await pool.acquire();
  await pass(100);
  expect(pool.stats).toMatchObject({ opening: 1, inFlight: 2 });
  await pool.acquire();
  await pass(100);
  expect(pool.stats).toMatchObject({ opening: 2, inFlight: 3 });
  for (let n = 0; n < 20; n++) await pool.acquire();
  await pass(100);
  expect(pool.stats.opening).toBe(2);
});

test('a blocking tool gets up to maxConnections, and at least 5 times the throughput of one', async () => {
  await started({});
  const load = callers(40, 50, true);
  await pass(2_000);
  expect(pool.stats).toMatchObject({ connections: 10, opened: 10 });
  const before = load.answered;
  await pass(2_000);
  load.stop();
  const ofOne = 2_000 / 50;
  expect((load.answered - before) / ofOne).toBeGreaterThanOrEqual(5);
  await pass(5_000);
});

test('a pool that may grow no further says so after 10 s in which its calls were slow, unless a pause ends them', async () => {
  const events: string[] = [];
  const onEvent = ({ type }: PoolEvent): void => void events.push(type);
  await started({ maxConnections: 1, growAfterMs: 250, onEvent });
  const one = callers(1, 1_000, true);
  await pass(30_000);
  one.stop();
  await pass(1_000);
  const first = callers(4, 1_000, true);
  await pass(5_000);
  first.stop();
  await pass(5_000);
  expect(events).not.toContain('saturated');
  const load = callers(4, 1_000, true);
  await pass(11_000);
  expect(events).toContain('saturated');
  load.stop();
  await pass(5_000);
});

test('a fast tool keeps the minimum, however many call it', async () => {
  await started({ minConnections: 1 });
  const load = callers(40, 5, false);
  await pass(2_000);
  load.stop();
  expect(load.answered).toBeGreaterThan(10_000);
  expect(pool.stats).toMatchObject({ connections: 1, opened: 1 });
  await pass(100);
});

test('a stall of this process does not make the pool grow', async () => {
  await started({ minConnections: 1 });
  const load = callers(10, 5, false);
  for (let n = 0; n < 20; n++) {
    jest.setSystemTime(Date.now() + 1_000);
    await pass(10);
  }
  load.stop();
  await pass(100);
  expect(pool.stats.opened).toBe(1);
});

test('the surplus closes after maxIdleMs, the newest first, down to the minimum', async () => {
  await started({ minConnections: 2, maxIdleMs: 10_000 });
  const load = callers(40, 50, true);
  await pass(2_000);
  load.stop();
  await pass(2_000);
  expect(pool.stats).toMatchObject({ connections: 10, inFlight: 0 });
  await pass(10_000);
  expect(pool.stats).toMatchObject({ connections: 2, closed: 8 });
  expect(server.alive.map(({ id }) => id)).toEqual([0, 1]);
});

test('a connection that is used now and then stays', async () => {
  await started({ minConnections: 0, maxIdleMs: 1_000 });
  for (let n = 0; n < 5; n++) {
    await pass(900);
    await pool.use(async () => undefined);
  }
  expect(pool.stats).toMatchObject({ connections: 1, opened: 1 });
  const held = await pool.acquire();
  held.connection.hung = true;
  await pass(15);
  held.release();
  await pass(999);
  expect(pool.stats.connections).toBe(1);
  await pass(1);
  expect(pool.stats.connections).toBe(0);
});

test('a long call does not make a spare come and go', async () => {
  await started({ minConnections: 1, maxIdleMs: 1_000 });
  const lease = await pool.acquire();
  await pass(10_000);
  expect(pool.stats).toMatchObject({ connections: 2, idle: 1, opened: 2 });
  lease.release();
  await pass(1_000);
  expect(pool.stats).toMatchObject({ connections: 1, opened: 2 });
});

test('growth waits for the backoff, and callers do not notice', async () => {
  jest.spyOn(Math, 'random').mockReturnValue(0.999);
  await started({ minConnections: 1 });
  server.mode = 'refuse';
  await pool.acquire();
  await pass(1_000);
  const tries = server.attempts.length;
  expect(tries).toBe(4);
  expect(pool.tryAcquire()?.connection.id).toBe(0);
  expect(pool.stats).toMatchObject({ connections: 1, inFlight: 2, errors: tries - 1 });
  jest.restoreAllMocks();
});
