import fc from 'fast-check';
import { PoolManager } from '../../lib/pool/pool-manager';
import type { Credentials } from '../../lib/pool/server-pools';
import { FakeServer, type FakeResource } from '../support/fake-resource';
import { SEED } from '../support/seed';

fc.configureGlobal({ seed: SEED });

let server: FakeServer;
let manager: PoolManager<FakeResource>;

beforeEach(() => {
  jest.useFakeTimers();
  server = new FakeServer();
  manager = new PoolManager();
});

afterEach(async () => {
  const closing = manager.close(0);
  await pass();
  await closing;
  expect(server.alive).toEqual([]);
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);
const id = async (resource: FakeResource): Promise<number> => resource.id;

test('each server has a pool of its own, which opens without credentials', async () => {
  const docs = manager.add('docs', server.open, { minConnections: 1 });
  const files = manager.add('files', server.open, { minConnections: 1 });
  expect(manager.get('docs')).toBe(docs);
  expect(docs).not.toBe(files);
  await docs.start();
  await files.start();
  expect(server.attempts.map(({ credentials }) => credentials)).toEqual([undefined, undefined]);
});

test('a name is added once, and an unknown one is refused', () => {
  manager.add('docs', server.open);
  expect(() => manager.add('docs', server.open)).toThrow('servers.docs has a pool already');
  expect(() => manager.get('__proto__')).toThrow(expect.objectContaining({ code: 'MCPO_UNKNOWN_SERVER' }));
  expect(() => manager.add('bad', server.open, { maxPools: 0 })).toThrow('pool.maxPools must be an integer from 1');
});

test('credentials have a pool of their own, without a minimum', async () => {
  manager.add('docs', server.open);
  const ann = { id: 'ann' };
  await manager.get('docs', ann).use(id);
  await manager.get('docs', { id: 'ann' }).use(id);
  await manager.get('docs', { id: 'bob' }).use(id);
  await pass();
  expect(server.attempts.map(({ credentials }) => credentials?.id)).toEqual(['ann', 'bob']);
  expect(server.attempt(0).credentials).toBe(ann);
  expect(manager.stats.get('docs')).toMatchObject({ pools: 2, connections: 2, opened: 2 });
});

test('when there are too many, the least recently used idle one goes', async () => {
  manager.add('docs', server.open, { maxPools: 2 });
  const lease = await manager.get('docs', { id: 'ann' }).acquire();
  await manager.get('docs', { id: 'bob' }).use(id);
  await manager.get('docs', { id: 'cyd' }).use(id);
  await pass();
  expect(server.resources.map(({ closed }) => closed)).toEqual([false, true, false]);
  const other = await manager.get('docs', { id: 'cyd' }).acquire();
  expect(() => manager.get('docs', { id: 'dan' })).toThrow(
    expect.objectContaining({ code: 'MCPO_POOL_EXHAUSTED', status: 503, headers: { 'Retry-After': '1' } }),
  );
  expect(manager.get('docs')).toBeDefined();
  lease.release();
  await manager.get('docs', { id: 'dan' }).use(id);
  await pass();
  expect(server.resource(0).closed).toBe(true);
  expect(manager.stats.get('docs')).toMatchObject({ pools: 2, connections: 2, opened: 4, closed: 2, inFlight: 1 });
  other.release();
});

test('one owner may only have so many, and none of them makes room for another', async () => {
  manager.add('shell', server.open, { maxPools: 3, maxPoolsPerOwner: 2, stateful: true });
  const session = (owner: string, name: string): Credentials => ({ id: `${owner} ${name}`, owner });
  for (const name of ['a', 'b']) await manager.get('shell', session('ann', name)).use(id);
  expect(() => manager.get('shell', session('ann', 'c'))).toThrow(
    expect.objectContaining({ code: 'MCPO_POOL_EXHAUSTED', message: 'the caller has 2 sessions already' }),
  );
  await manager.get('shell', session('bob', 'a')).use(id);
  expect(() => manager.get('shell', session('cyd', 'a'))).toThrow(
    expect.objectContaining({ code: 'MCPO_POOL_EXHAUSTED' }),
  );
  await expect(manager.get('shell', session('ann', 'b')).use(id)).resolves.toBe(1);
});

test('one can be removed by those who have it', async () => {
  manager.add('shell', server.open);
  await manager.get('shell', { id: 'ann' }).use(id);
  await expect(manager.remove('shell', { id: 'bob' })).resolves.toBe(false);
  await expect(manager.remove('nowhere', { id: 'ann' })).resolves.toBe(false);
  await expect(manager.remove('shell', { id: 'ann' })).resolves.toBe(true);
  expect(server.resource(0).closed).toBe(true);
  await expect(manager.get('shell', { id: 'ann' }).use(id)).resolves.toBe(1);
});

test('one that is not used is reaped, one that is in use stays', async () => {
  manager.add('docs', server.open, { maxConnections: 10, maxIdleMs: 1_000 });
  const lease = await manager.get('docs', { id: 'ann' }).acquire();
  await manager.get('docs', { id: 'bob' }).use(id);
  await pass(2_100);
  expect(manager.stats.get('docs')).toMatchObject({ pools: 1, connections: 2, idle: 1, opened: 3, closed: 1 });
  lease.release();
  await pass(2_000);
  expect(manager.stats.get('docs')).toEqual({
    pools: 0,
    connections: 0,
    idle: 0,
    busy: 0,
    opening: 0,
    inFlight: 0,
    waiting: 0,
    opened: 3,
    closed: 3,
    errors: 0,
  });
  expect(jest.getTimerCount()).toBe(0);
  await expect(manager.get('docs', { id: 'bob' }).use(id)).resolves.toBe(3);
});

test('close ends all pools, waits for calls in flight, and refuses', async () => {
  const own = manager.add('docs', server.open, { minConnections: 1 });
  await own.start();
  const lease = await manager.get('docs', { id: 'ann' }).acquire();
  const closing = manager.close(5_000);
  expect(manager.close()).toBe(closing);
  expect(() => manager.get('docs')).toThrow(expect.objectContaining({ code: 'MCPO_CLOSING' }));
  expect(() => manager.add('files', server.open)).toThrow(expect.objectContaining({ code: 'MCPO_CLOSING' }));
  await pass(4_000);
  expect(lease.connection.closed).toBe(false);
  lease.release();
  await closing;
  expect(server.alive).toEqual([]);
});

test('nobody gets a connection that was opened for somebody else', async () => {
  const call = fc.record({
    server: fc.constantFrom('a', 'b', 'a\0b', '__proto__'),
    credentials: fc.option(fc.constantFrom('', 'a', 'b', 'b\0a', '__proto__', 'constructor', 'c', 'd'), {
      nil: undefined,
    }),
    passMs: fc.constantFrom(0, 0, 0, 500, 2_500),
    keep: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 40 }), async (calls) => {
      const opened = new Map<FakeResource, string>();
      const all = new PoolManager<FakeResource>();
      for (const name of ['a', 'b', 'a\0b', '__proto__']) {
        const open = async (signal: AbortSignal, credentials?: { readonly id: string }): Promise<FakeResource> => {
          const resource = await server.open(signal, credentials);
          opened.set(resource, JSON.stringify([name, credentials?.id]));
          return resource;
        };
        all.add(name, open, { maxPools: 4, maxIdleMs: 1_000, minConnections: 0 });
      }
      const held: (() => void)[] = [];
      for (const { server: name, credentials, passMs, keep } of calls) {
        try {
          const pool = all.get(name, credentials === undefined ? undefined : { id: credentials });
          const lease = await pool.acquire();
          expect(opened.get(lease.connection)).toBe(JSON.stringify([name, credentials]));
          if (keep) held.push(() => lease.release());
          else lease.release();
        } catch (error) {
          expect(error).toMatchObject({ code: 'MCPO_POOL_EXHAUSTED' });
          held.shift()?.();
        }
        expect([...all.stats.values()].every(({ pools }) => pools <= 4)).toBe(true);
        jest.advanceTimersByTime(passMs);
      }
      for (const release of held) release();
      await all.close();
      expect(server.alive).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
