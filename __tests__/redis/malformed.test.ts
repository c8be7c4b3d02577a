import { deflateRawSync } from 'node:zlib';
import type { StoreInit } from '../../lib/cache/store';
import { redisFleet } from '../../lib/redis';
import { FakeRedis } from '../support/fake-redis';
import { silent } from '../support/loggers';

const TOKEN = Buffer.alloc(16, 'a');

function packed(storedAt: number, ttlMs: number, ...body: Buffer[]): Buffer {
  const times = Buffer.alloc(16);
  times.writeDoubleBE(storedAt, 0);
  times.writeDoubleBE(ttlMs, 8);
  return Buffer.concat([TOKEN, times, ...body]);
}

const now = Date.now();
const [PLAIN, DEFLATED] = [Buffer.of(0), Buffer.of(1)];

it.each<[string, Buffer, boolean]>([
  ['sound', packed(now, 60_000, PLAIN, Buffer.from('1')), true],
  ['sound and compressed', packed(now, 60_000, DEFLATED, deflateRawSync(Buffer.alloc(1_000))), true],
  ['nothing but a generation', Buffer.alloc(0), false],
  ['cut off', packed(now, 60_000).subarray(0, 20), false],
  ['without a body', packed(now, 60_000), false],
  ['of an unknown kind', packed(now, 60_000, Buffer.from([2, 49])), false],
  ['made at no time', packed(NaN, 60_000, PLAIN, Buffer.from('1')), false],
  ['made at the end of time', packed(Infinity, 60_000, PLAIN, Buffer.from('1')), false],
  ['good for no time', packed(now, NaN, PLAIN, Buffer.from('1')), false],
  ['good until before it was made', packed(now + 100_000, -1, PLAIN, Buffer.from('1')), false],
  ['too large', packed(now, 60_000, PLAIN, Buffer.alloc(1_001)), false],
  ['too large when it is unpacked', packed(now, 60_000, DEFLATED, deflateRawSync(Buffer.alloc(1_001))), false],
  ['not to be unpacked', packed(now, 60_000, DEFLATED, Buffer.alloc(9, 255)), false],
])('an entry in Redis that is %s', async (_what, entry, isFound) => {
  const redis = new FakeRedis();
  const fleet = redisFleet({ sendCommand: redis.sendCommand, logger: silent });
  const bounds = { maxSize: 10, maxBytes: 10_000, maxEntryBytes: 1_000 };
  const init: StoreInit = { name: 'default', strategy: 'lru_ttl', ...bounds, onEvict: () => undefined };
  const store = fleet.store(init);
  const generation = await store.generation('docs');
  const bytes = Buffer.concat([Buffer.from(String(generation)), entry]);
  await redis.sendCommand(['SET', 'mcpo:1:{docs}:c:default:key', bytes, 'PX', '60000']);
  const found = await store.find('key', 'docs');
  expect([found.entry !== undefined, found.generation]).toEqual([isFound, generation]);
  // A new result can be kept in its place.
  expect(await store.set('key', { body: Buffer.from('2'), storedAt: now, ttlMs: 60_000 }, 'docs', generation)).toBe(
    true,
  );
  expect((await store.find('key', 'docs')).entry?.body.toString()).toBe('2');
  expect([fleet.isUp, store.health?.errors]).toEqual([true, 0]);
  await fleet.close();
});
