import { ConnectionPool } from '../../lib/pool/pool';
import { FakeServer, type FakeResource } from '../support/fake-resource';

let server: FakeServer;
let pool: ConnectionPool<FakeResource>;

beforeEach(() => {
  jest.useFakeTimers();
  jest.spyOn(Math, 'random').mockReturnValue(0.999);
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

async function started(minConnections: number): Promise<void> {
  pool = new ConnectionPool(server.open, { minConnections, maxConnections: 10 });
  await pool.start();
  await pass();
}

test('when all have died that had worked, two are opened at a time, and one after a failure', async () => {
  await started(2);
  await pass(60_000);
  server.mode = 'wait';
  for (const resource of server.alive) resource.die();
  expect(pool.stats.opening).toBe(2);
  for (const attempt of server.attempts.slice(2)) attempt.refuse();
  await pass(250);
  expect(pool.stats.opening).toBe(1);
});

test('when all have died that had never answered, one is opened at a time', async () => {
  await started(3);
  server.mode = 'wait';
  for (const resource of server.alive) resource.die();
  await pass(250 + 500);
  expect(pool.stats.opening).toBe(1);
});

test('those that die together without having answered make one step of the backoff', async () => {
  await started(10);
  server.mode = 'refuse';
  for (const resource of server.alive) resource.die();
  expect(pool.retryAfterMs).toBeGreaterThan(0);
  expect(pool.retryAfterMs).toBeLessThanOrEqual(1_000);
});
