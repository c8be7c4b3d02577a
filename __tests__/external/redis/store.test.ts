import { SmartCache } from '../../../lib/parts';
import { storeContract } from '../../../lib/cache/store-contract';
import type { MaybePromise } from '../../../lib/util/maybe-promise';
import type { CacheStore, StoreFactory, StoreInit } from '../../../lib/cache/store';
import { type RedisFleetOptions, redisFleet } from '../../../lib/redis';
import { until } from '../../support/deferred';
import { type CLIENTS, type OwnFleet, ownFleet } from '../../support/redis-clients';
import { RedisServer } from '../../support/redis-server';

let redis: RedisServer;
const ended: OwnFleet[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(async () => {
  for (const { end } of ended) await end();
  await redis.end();
});

async function own(
  options: Partial<RedisFleetOptions> = {},
  client: keyof typeof CLIENTS = 'node-redis',
): Promise<OwnFleet> {
  const made = await ownFleet(redis.port, options, client);
  ended.push(made);
  return made;
}

const init = (change: Partial<StoreInit> = {}): StoreInit => ({
  ...{ name: 'default', strategy: 'lru_ttl', maxSize: 10, maxBytes: 2 ** 24, maxEntryBytes: 2 ** 22 },
  onEvict: () => undefined,
  ...change,
});

/** A store whose fleet is made when its first test asks. */
function lazily(make: () => Promise<OwnFleet>): StoreFactory {
  let made: Promise<OwnFleet> | undefined;
  return (of) => {
    const store = (made ??= make()).then(({ fleet }) => fleet.store(of));
    const ask =
      <A extends unknown[], R>(what: (on: CacheStore, ...args: A) => MaybePromise<R>) =>
      async (...args: A): Promise<R> =>
        what(await store, ...args);
    return {
      find: ask((on, key: string, group: string) => on.find(key, group)),
      set: ask((on, ...args: Parameters<CacheStore['set']>) => on.set(...args)),
      delete: ask((on, key: string, group: string) => on.delete(key, group)),
      generation: ask((on, group: string) => on.generation(group)),
      dropGroup: ask((on, ...args: Parameters<CacheStore['dropGroup']>) => on.dropGroup(...args)),
      clear: ask((on) => on.clear()),
      close: ask((on) => on.close()),
    };
  };
}

for (const client of ['node-redis', 'ioredis'] as const) {
  const kinds: Record<string, Partial<RedisFleetOptions>> = {
    'the local tier': { prefix: `${client}:1:` },
    'no local tier': { prefix: `${client}:2:`, local: false },
    'compression of all': { prefix: `${client}:3:`, local: false, compressAboveBytes: 0 },
    'bounded staleness': { prefix: `${client}:4:`, local: { maxStaleMs: 60_000 } },
  };
  for (const [kind, options] of Object.entries(kinds)) {
    storeContract(
      `Redis through ${client} with ${kind}`,
      lazily(() => own(options, client)),
      { describe, it },
    );
  }
}

describe('a store in Redis', () => {
  it('keeps large bodies compressed, and gives them back to the byte', async () => {
    const { fleet, sendCommand } = await own({ prefix: 'large:', local: false });
    const store = fleet.store(init());
    const body = Buffer.from('{"text":"all the same"}'.repeat(40_000));
    expect(await store.set('key', { body, storedAt: Date.now(), ttlMs: 60_000 }, 'docs')).toBe(true);
    expect((await store.find('key', 'docs')).entry?.body.equals(body)).toBe(true);
    const bytes = await sendCommand(['STRLEN', 'large:1:{docs}:c:default:key']);
    expect(bytes).toBeLessThan(body.length / 20);
  });

  it('shares what it keeps with other instances, and each cache has its own', async () => {
    const [a, b] = [await own({ prefix: 'two:' }), await own({ prefix: 'two:' }, 'ioredis')];
    const [near, far, other] = [a.fleet.store(init()), b.fleet.store(init()), b.fleet.store(init({ name: 'other' }))];
    const entry = { body: Buffer.from('1'), storedAt: Date.now(), ttlMs: 60_000 };
    await near.set('key', entry, 'docs');
    expect((await far.find('key', 'docs')).entry).toEqual(entry);
    expect((await other.find('key', 'docs')).entry).toBeUndefined();
    await far.dropGroup('docs');
    expect((await near.find('key', 'docs')).entry).toBeUndefined();
  });

  it('keeps all that one group needs in one slot of a cluster', async () => {
    const { fleet, sendCommand } = await own({ prefix: 'slot:' });
    const entry = { body: Buffer.from('1'), storedAt: Date.now(), ttlMs: 60_000 };
    const tags = async (): Promise<unknown[]> => {
      const keys = (await sendCommand(['KEYS', 'slot:*'])) as Buffer[];
      return [...new Set(keys.map((key) => /\{[^}]*\}/.exec(key.toString())?.[0]))].sort();
    };
    const store = fleet.store(init());
    for (const group of ['a', 'b}c']) await store.set('key', entry, group);
    // The last is the list of groups, which is in no script with the others.
    expect(await tags()).toEqual(['{a}', '{b%7Dc}', '{}']);
  });

  it('has no generation of a group while one of several writes may take effect, also when Redis has lost their ends', async () => {
    const { fleet, sendCommand } = await own({ prefix: 'writes:' });
    const store = fleet.store(init());
    await store.dropGroup('docs', 60_000, 'one');
    await store.dropGroup('docs', 60_000, 'other');
    await store.dropGroup('docs', 0, 'one');
    expect(await store.generation('docs')).toBeUndefined();
    await store.dropGroup('docs', 0, 'other');
    expect(await store.generation('docs')).toBeDefined();
    await store.dropGroup('docs', 60_000, 'one');
    await sendCommand(['DEL', 'writes:1:{docs}:w']);
    const another = await own({ prefix: 'writes:' }, 'ioredis');
    await another.fleet.store(init()).dropGroup('docs');
    expect(await store.generation('docs')).toBeUndefined();
  });

  it('drops a group of a cluster only when another process has it, which may have old data', async () => {
    const node = await RedisServer.start('--cluster-enabled', 'yes');
    const ends: (() => Promise<void>)[] = [() => node.end()];
    try {
      const { sendCommand, fleet, end } = await ownFleet(node.port, { prefix: 'node:' });
      ends.unshift(end);
      await sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383']);
      await until(async () => String(await sendCommand(['CLUSTER', 'INFO'])).includes('cluster_state:ok'));
      const store = fleet.store(init());
      const entry = { body: Buffer.from('1'), storedAt: Date.now(), ttlMs: 60_000 };
      const fail = async (): Promise<void> => {
        node.pause();
        expect((await store.find('key', 'docs')).entry).toBeUndefined();
        node.resume();
        await until(() => fleet.isUp);
      };
      await store.find('key', 'other');
      expect(await store.set('key', entry, 'docs')).toBe(true);
      await fail();
      expect((await store.find('key', 'docs')).entry).toEqual(entry);
      // As if its data came from another process.
      await sendCommand(['SET', 'node:1:{docs}:p', 'another']);
      await fail();
      expect((await store.find('key', 'docs')).entry).toBeUndefined();
    } finally {
      for (const end of ends) await end();
    }
  });

  it('forgets what it had when Redis has lost or taken back a generation', async () => {
    const { fleet, sendCommand } = await own({ prefix: 'lost:' });
    const store = fleet.store(init());
    await store.set('key', { body: Buffer.from('1'), storedAt: Date.now(), ttlMs: 60_000 }, 'docs');
    const { generation } = await store.find('key', 'docs');
    await sendCommand(['DEL', 'lost:1:{docs}']);
    const found = await store.find('key', 'docs');
    expect(found.entry).toBeUndefined();
    expect(found.generation).not.toBe(generation);
  });

  it('says once, with the remedy, that the client gives texts, and is as good as none', async () => {
    const { sendCommand } = await own();
    const warn = jest.fn();
    const asText = (reply: unknown): unknown => {
      if (Array.isArray(reply)) return reply.map(asText);
      return Buffer.isBuffer(reply) ? reply.toString() : reply;
    };
    const fleet = redisFleet({
      sendCommand: async (args) => asText(await sendCommand(args)),
      logger: { warn, info: warn },
    });
    const cache = new SmartCache({ store: fleet.store });
    for (let count = 0; count < 10; count += 1) {
      await cache.set('tool', {}, 1);
      expect(await cache.get('tool')).toBeUndefined();
    }
    await fleet.close();
    expect(warn).toHaveBeenCalledTimes(1);
    expect(String((warn.mock.calls as [{ err: unknown }][])[0]?.[0].err)).toContain('RESP_TYPES.BLOB_STRING');
  });
});
