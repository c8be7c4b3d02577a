import { SmartCache } from '../../lib/parts';
import { type RedisFleet, type RedisFleetOptions, redisFleet } from '../../lib/redis';
import { SET } from '../../lib/redis/scripts';
import { until } from '../support/deferred';
import { FakeRedis } from '../support/fake-redis';
import { silent } from '../support/loggers';

const fleets: RedisFleet[] = [];
afterEach(async () => {
  for (const fleet of fleets.splice(0)) await fleet.close();
});

function fleetOver({ sendCommand, subscribe }: FakeRedis, options: Partial<RedisFleetOptions> = {}): RedisFleet {
  const fleet = redisFleet({ sendCommand, subscribe, logger: silent, ...options });
  fleets.push(fleet);
  return fleet;
}

it.each<[string, (other: RedisFleet) => unknown]>([
  ['a cache of another name', ({ store }) => new SmartCache({ store }, 'other').invalidate('docs')],
  ['nothing but shared calls', ({ flights }) => flights.dropGroup('docs', 0)],
])('a write through an instance that has %s drops what others keep', async (_kind, write) => {
  const redis = new FakeRedis();
  const [one, other] = [fleetOver(redis), fleetOver(redis)];
  const cache = new SmartCache({ store: one.store }, 'named');
  expect(await cache.save('key', Buffer.from('1'), { group: 'docs' })).toBe(true);
  expect((await cache.lookup('key', 'docs')).entry).toBeDefined();
  expect((await new SmartCache({ store: other.store }, 'other').lookup('key', 'docs')).entry).toBeUndefined();
  await write(other);
  expect((await cache.lookup('key', 'docs')).entry).toBeUndefined();
});

it.each<[string, 'lru' | 'lru_ttl', number, string]>([
  ['that has none', 'lru', 1_000, '604800000'],
  ['that is endless', 'lru_ttl', 1e21, '604800000'],
  ['that is short', 'lru_ttl', 1_000, '1000'],
])('an entry with a lifetime %s is forgotten by Redis, with its generation at the latest', async (...given) => {
  const [, strategy, ttlMs, expected] = given;
  const redis = new FakeRedis();
  const lifetimes: string[] = [];
  const sendCommand: RedisFleetOptions['sendCommand'] = (args) => {
    if (args[1] === SET.source) lifetimes.push(String(args.at(-1)));
    return redis.sendCommand(args);
  };
  const cache = new SmartCache({ strategy, store: fleetOver(redis, { sendCommand }).store });
  expect(await cache.set('tool', {}, 1, ttlMs)).toBe(true);
  expect(await cache.get('tool')).toBe(1);
  expect(Number(lifetimes[0])).toBeLessThanOrEqual(Number(expected));
  expect(Number(lifetimes[0])).toBeGreaterThan(Number(expected) - 1_000);
});

it('a write whose connection to Redis was reset is answered when others cannot find anything from before it', async () => {
  const redis = new FakeRedis();
  const [one, other] = [fleetOver(redis), fleetOver(redis)];
  const cache = new SmartCache({ store: other.store });
  await new SmartCache({ store: one.store }).lookup('key', 'docs');
  expect(await cache.save('key', Buffer.from('old'), { group: 'docs' })).toBe(true);
  let resets = 1;
  const drop = one.flights.dropGroup.bind(one.flights);
  redis.before = () => (resets-- > 0 ? Promise.reject(new Error('read ECONNRESET')) : undefined);
  await drop('docs', 0);
  expect((await cache.lookup('key', 'docs')).entry).toBeUndefined();
  expect(one.isUp).toBe(true);
});

it.each([
  ['one', 1, 'keeps what it has'],
  ['two', undefined, 'drops what may be old'],
] as const)('a cluster whose node has the id %s after a late command has %s: %s', async (runId, expected, _what) => {
  const redis = Object.assign(new FakeRedis(), { mode: 'cluster' });
  const [fleet, other] = [fleetOver(redis), fleetOver(redis)];
  const [cache, tools] = [new SmartCache({ store: fleet.store }), new SmartCache({ store: other.store })];
  expect(await cache.get('tool')).toBeUndefined();
  expect(await cache.set('tool', {}, 1)).toBe(true);
  redis.before = () => Promise.reject(new Error('late'));
  expect(await tools.get('none')).toBeUndefined();
  redis.commands.length = 0;
  Object.assign(redis, { runId, before: () => undefined });
  await until(() => other.isUp);
  expect(await cache.get('tool')).toBe(expected);
  expect(redis.commands).not.toContain('SCAN');
});

it('a write in a longer outage of Redis is not held up', async () => {
  const redis = new FakeRedis();
  const fleet = fleetOver(redis);
  redis.before = () => Promise.reject(new Error('read ECONNRESET'));
  await fleet.flights.dropGroup('docs', 0);
  const begun = performance.now();
  for (let write = 0; write < 20; write += 1) await fleet.flights.dropGroup('docs', 0);
  expect(performance.now() - begun).toBeLessThan(500);
});

describe('while a write may still take effect', () => {
  const unsettled = async (ms: number): Promise<[FakeRedis, RedisFleet, SmartCache]> => {
    const redis = new FakeRedis();
    const fleet = fleetOver(redis);
    await fleet.flights.dropGroup('tool', ms);
    // What Redis removes for want of memory.
    await redis.sendCommand(['DEL', 'mcpo:1:{tool}']);
    return [redis, fleet, new SmartCache({ store: fleet.store })];
  };

  it('what Redis has forgotten of it is told again at the end', async () => {
    const [, , cache] = await unsettled(300);
    expect(await cache.set('tool', {}, 1)).toBe(true);
    expect(await cache.get('tool')).toBe(1);
    await until(async () => (await cache.get('tool')) === undefined);
    // Not at once: a timer may fire a millisecond early, and then it is told that the group is unsettled for that long.
    await until(() => cache.set('tool', {}, 2));
    expect(await cache.get('tool')).toBe(2);
  });

  it('its own end settles the group, no other', async () => {
    const fleet = fleetOver(new FakeRedis());
    for (const write of ['one', 'other']) await fleet.flights.dropGroup('tool', 60_000, write);
    await fleet.flights.dropGroup('tool', 0, 'one');
    expect(await fleet.flights.generation('tool')).toBeUndefined();
    await fleet.flights.dropGroup('tool', 0, 'other');
    expect(await fleet.flights.generation('tool')).toBeDefined();
  });

  it('and when Redis has failed', async () => {
    const [redis, fleet, cache] = await unsettled(60_000);
    expect(await cache.set('tool', {}, 1)).toBe(true);
    redis.before = () => Promise.reject(new Error('LOADING'));
    expect(await cache.get('tool')).toBeUndefined();
    redis.before = () => undefined;
    await until(() => fleet.isUp);
    expect(await cache.set('tool', {}, 2)).toBe(false);
    expect(await cache.generation('tool')).toBeUndefined();
  });
});

describe('when Redis has forgotten which groups there are', () => {
  const forgotten = async (prefix: string): Promise<[FakeRedis, SmartCache, RedisFleet]> => {
    const redis = new FakeRedis();
    const cache = new SmartCache({ store: fleetOver(redis, { prefix }).store });
    for (const tool of ['one', 'two', 'three']) expect(await cache.set(tool, {}, 1)).toBe(true);
    await redis.sendCommand(['DEL', `${prefix}1:{}:groups`]);
    return [redis, cache, fleetOver(redis, { prefix })];
  };
  const kept = async (cache: SmartCache): Promise<unknown[]> =>
    Promise.all(['one', 'two', 'three'].map((tool) => cache.get(tool)));

  it.each(['mcpo:', 'odd [a]*?:'])('clear() drops what all instances keep (%s)', async (prefix) => {
    const [, cache, other] = await forgotten(prefix);
    expect(await kept(cache)).toEqual([1, 1, 1]);
    await new SmartCache({ store: other.store }).clear();
    expect(await kept(cache)).toEqual([undefined, undefined, undefined]);
  });

  it('so does an instance that finds another Redis', async () => {
    const [redis, cache, other] = await forgotten('mcpo:');
    const tools = new SmartCache({ store: other.store });
    expect(await tools.get('none')).toBeUndefined();
    redis.before = () => Promise.reject(new Error('LOADING'));
    expect(await tools.get('none')).toBeUndefined();
    Object.assign(redis, { runId: 'two', before: () => undefined });
    await until(() => other.isUp);
    expect(await kept(cache)).toEqual([undefined, undefined, undefined]);
  });
});
