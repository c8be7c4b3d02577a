import type { CacheEntry, CacheStore, StoreInit } from '../../lib/cache/store';
import { type RedisFleet, type RedisFleetOptions, redisFleet } from '../../lib/redis';
import { deferred } from '../support/deferred';
import { FakeRedis } from '../support/fake-redis';
import { silent } from '../support/loggers';

const fleets: RedisFleet[] = [];
afterEach(async () => {
  for (const fleet of fleets.splice(0)) await fleet.close();
});

const MAX_ENTRY_BYTES = 100;

/** The store of one more instance. */
function instance({ sendCommand, subscribe }: FakeRedis, options: Partial<RedisFleetOptions> = {}): CacheStore {
  const fleet = redisFleet({ sendCommand, subscribe, logger: silent, ...options });
  fleets.push(fleet);
  const bounds = { maxSize: 10, maxBytes: 1_000_000, maxEntryBytes: MAX_ENTRY_BYTES };
  const init: StoreInit = { name: 'default', strategy: 'lru_ttl', ...bounds, onEvict: () => undefined };
  return fleet.store(init);
}

const storedAt = Date.now();
const entry = (body: string): CacheEntry => ({ body: Buffer.from(body), storedAt, ttlMs: 60_000 });

async function bodyIn(store: CacheStore): Promise<string | undefined> {
  return (await store.find('key', 'docs')).entry?.body.toString();
}

it.each<[string, (other: CacheStore) => unknown, string | undefined]>([
  ['deleted', (other) => other.delete('key', 'docs'), undefined],
  // In the same millisecond, with the same lifetime.
  ['replaced', (other) => other.set('key', entry('new'), 'docs'), 'new'],
  ['found too large', (other) => other.set('key', entry('x'.repeat(MAX_ENTRY_BYTES + 1)), 'docs'), undefined],
])('what another instance has %s is not served from memory', async (_what, act, expected) => {
  const redis = new FakeRedis();
  const [near, other] = [instance(redis), instance(redis)];
  await near.set('key', entry('old'), 'docs');
  expect(await bodyIn(near)).toBe('old');
  await act(other);
  expect(await bodyIn(near)).toBe(expected);
  expect(await bodyIn(near)).toBe(expected);
});

it('what is dropped while it is being read does not come back', async () => {
  const redis = new FakeRedis();
  const options = { local: { maxStaleMs: 60_000 } };
  await instance(redis, options).set('key', entry('old'), 'docs');
  const [read, gate] = [deferred(), deferred()];
  // The entry has been read when the other command is sent, and its reply comes after that of the other.
  const sendCommand: RedisFleetOptions['sendCommand'] = async (args) => {
    const reply = await redis.sendCommand(args);
    if (args[0] !== 'MGET') return reply;
    read.resolve();
    await gate.promise;
    return reply;
  };
  const store = instance(redis, { ...options, sendCommand, timeoutMs: 500 });
  const found = bodyIn(store);
  await read.promise;
  expect(await store.delete('key', 'docs')).toBe(true);
  gate.resolve();
  expect(await found).toBe('old');
  expect(await bodyIn(store)).toBeUndefined();
});

it.each([0, 60_000])('what is kept of one group is not found in another (maxStaleMs %d)', async (maxStaleMs) => {
  const store = instance(new FakeRedis(), { local: { maxStaleMs } });
  await store.set('key', entry('1'), 'docs');
  expect(await bodyIn(store)).toBe('1');
  expect((await store.find('key', 'other')).entry).toBeUndefined();
});

it('look-ups of one turn are confirmed by one command, each by its own entry', async () => {
  const redis = new FakeRedis();
  const [near, other] = [instance(redis), instance(redis)];
  for (const key of ['a', 'b', 'c']) await near.set(key, entry(key), 'docs');
  const all = (): Promise<(string | undefined)[]> =>
    Promise.all(['a', 'b', 'c', 'a'].map(async (key) => (await near.find(key, 'docs')).entry?.body.toString()));
  expect(await all()).toEqual(['a', 'b', 'c', 'a']);
  redis.commands.length = 0;
  expect(await all()).toEqual(['a', 'b', 'c', 'a']);
  expect(redis.commands).toEqual(['EVALSHA']);
  await other.delete('b', 'docs');
  expect(await all()).toEqual(['a', undefined, 'c', 'a']);
});
