import { ConfigError } from '../../lib';
import { SmartCache } from '../../lib/parts';
import { storeContract } from '../../lib/cache/store-contract';
import { type RedisFleet, type RedisFleetOptions, redisFleet } from '../../lib/redis';
import { deferred, until } from '../support/deferred';
import { FakeRedis } from '../support/fake-redis';
import { silent } from '../support/loggers';

const fleets: RedisFleet[] = [];
afterEach(async () => {
  for (const fleet of fleets.splice(0)) await fleet.close();
});

function fleetOver(redis: FakeRedis, options: Partial<RedisFleetOptions> = {}): RedisFleet {
  const { sendCommand, subscribe } = redis;
  const fleet = redisFleet({ sendCommand, subscribe, logger: silent, ...options });
  fleets.push(fleet);
  return fleet;
}

const kinds: Record<string, Partial<RedisFleetOptions>> = {
  'the local tier': {},
  'no local tier': { local: false, compressAboveBytes: 0 },
  'bounded staleness': { local: { maxStaleMs: 60_000 } },
};
for (const [kind, options] of Object.entries(kinds)) {
  const make = redisFleet({ sendCommand: new FakeRedis().sendCommand, logger: silent, ...options });
  storeContract(`a Redis that is imitated, with ${kind}`, make.store, { describe, it });
}

it.each<[string, object]>([
  ['redisFleet.sendCommand must be a function', { sendCommand: 1 }],
  ['redisFleet.subscribe must be a function', { subscribe: 1 }],
  ['redisFleet.prefix must be a string', { prefix: 1 }],
  ['redisFleet.timeoutMs must be at most 500', { timeoutMs: 501 }],
  ['redisFleet.leaseMs must be an integer of at least 100', { leaseMs: 99 }],
  ['redisFleet.local must be an object', { local: true }],
  ['redisFleet.local.size is not an option', { local: { size: 1 } }],
  ['redisFleet.client is not an option', { client: 1 }],
])('%s', (message, options) => {
  const make = (): unknown => redisFleet({ sendCommand: () => Promise.resolve(), ...options });
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(message);
});

describe('the local tier', () => {
  const lookups = async (cache: SmartCache, count: number): Promise<unknown[]> =>
    Promise.all(Array.from({ length: count }, () => cache.get('tool')));

  it('asks Redis once for look-ups of the same moment, and again for the next', async () => {
    const redis = new FakeRedis();
    const cache = new SmartCache({ store: fleetOver(redis).store });
    await cache.set('tool', {}, 1);
    expect(await cache.get('tool')).toBe(1);
    const gate = deferred();
    redis.before = (name) => (name === 'EVALSHA' ? gate.promise : undefined);
    redis.commands.length = 0;
    const first = lookups(cache, 50);
    await until(() => redis.commands.length === 1);
    const second = lookups(cache, 50);
    gate.resolve();
    expect(new Set([...(await first), ...(await second)])).toEqual(new Set([1]));
    // One for the first look-ups, one for those that came while it was on its way.
    expect(redis.commands).toEqual(['EVALSHA', 'EVALSHA']);
  });

  it('is bounded in entries and bytes', async () => {
    const redis = new FakeRedis();
    const cache = new SmartCache({ store: fleetOver(redis, { local: { maxSize: 2, maxBytes: 3_000 } }).store });
    for (const key of ['a', 'b', 'c']) await cache.save(key, Buffer.from('1'), { group: 'g' });
    await cache.save('large', Buffer.alloc(5_000), { group: 'g' });
    redis.commands.length = 0;
    for (const key of ['b', 'c', 'a', 'large']) expect((await cache.lookup(key, 'g')).entry).toBeDefined();
    expect(redis.commands).toEqual(['EVALSHA', 'EVAL', 'EVALSHA', 'MGET', 'MGET']);
  });

  it('asks for nothing within maxStaleMs, until a write is heard of', async () => {
    const redis = new FakeRedis();
    const [one, other] = [fleetOver(redis, kinds['bounded staleness']), fleetOver(redis, kinds['bounded staleness'])];
    const [near, far] = [new SmartCache({ store: one.store }), new SmartCache({ store: other.store })];
    await near.set('tool', {}, 1);
    expect(await lookups(near, 2)).toEqual([1, 1]);
    redis.commands.length = 0;
    expect(await lookups(near, 3)).toEqual([1, 1, 1]);
    expect(redis.commands).toEqual([]);
    await far.invalidate('tool');
    await until(() => redis.commands.includes('PUBLISH'));
    expect(await near.get('tool')).toBeUndefined();
  });
});

describe('a Redis that fails', () => {
  it('is left alone after the first command that is late, told what it has missed, and used again', async () => {
    const redis = new FakeRedis();
    const told: string[] = [];
    const note = (_fields: object, message: string): void => void told.push(message);
    const fleet = fleetOver(redis, { timeoutMs: 20, logger: { info: note, warn: note } });
    const cache = new SmartCache({ store: fleet.store });
    await cache.set('tool', {}, 1);
    redis.before = () => new Promise(() => undefined);
    expect(await cache.get('tool')).toBeUndefined();
    expect(fleet.isUp).toBe(false);
    await cache.invalidate('tool');
    // Probes go on meanwhile.
    const sent = (): number => redis.commands.filter((name) => name !== 'SET').length;
    const before = sent();
    expect([await cache.get('tool'), await cache.set('tool', {}, 2)]).toEqual([undefined, false]);
    expect(sent()).toBe(before);
    redis.before = () => undefined;
    await until(() => fleet.isUp, 10_000);
    expect(await cache.get('tool')).toBeUndefined();
    expect(await cache.set('tool', {}, 3)).toBe(true);
    expect(await cache.get('tool')).toBe(3);
    expect(told).toEqual([
      'mcpo: Redis has failed: it is not used until it has recovered',
      'mcpo: Redis has recovered and is used again',
    ]);
    expect(cache.stats.health).toMatchObject({ isUp: true, errors: 1 });
  }, 20_000);

  it('is used again also when writes never cease to come', async () => {
    const redis = new FakeRedis();
    const fleet = fleetOver(redis);
    const cache = new SmartCache({ store: fleet.store });
    redis.before = () => Promise.reject(new Error('LOADING'));
    expect(await cache.get('tool')).toBeUndefined();
    // From now on each command takes a while, and at every moment there is a write that is being told.
    redis.before = () => new Promise((resolve) => setTimeout(resolve, 5));
    let stopped = false as boolean;
    const writes = Array.from({ length: 4 }, async () => {
      while (!stopped) {
        await cache.invalidate('other');
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    });
    await until(() => fleet.isUp);
    stopped = true;
    await Promise.all(writes);
    expect(await cache.set('tool', {}, 1)).toBe(true);
  });

  it('gives out nothing when another one answers afterwards, as it may have old data', async () => {
    const redis = new FakeRedis();
    const fleet = fleetOver(redis);
    const cache = new SmartCache({ store: fleet.store });
    await cache.set('tool', {}, 1);
    for (const runId of ['one', 'two']) {
      redis.before = () => Promise.reject(new Error('LOADING'));
      expect(await cache.get('tool')).toBeUndefined();
      Object.assign(redis, { runId, before: () => undefined });
      await until(() => fleet.isUp);
      expect(await cache.get('tool')).toBe(runId === 'one' ? 1 : undefined);
    }
  });

  it('does not keep clear() from answering, and is cleared when it works', async () => {
    const redis = new FakeRedis();
    const fleet = fleetOver(redis);
    const cache = new SmartCache({ store: fleet.store });
    await cache.set('tool', {}, 1);
    redis.before = () => Promise.reject(new Error('READONLY'));
    await cache.clear();
    redis.before = () => undefined;
    await until(() => fleet.isUp);
    expect(await cache.get('tool')).toBeUndefined();
  });
});
