import { runInNewContext } from 'node:vm';
import { ConfigError } from '../../lib/errors';
import type { SmartCacheOptions } from '../../lib/cache/options';
import { SmartCache } from '../../lib/cache/smart-cache';
import type { StoreFactory, StoreInit } from '../../lib/cache/store';
import { AsyncStore } from '../support/async-store';

const asyncStore: StoreFactory = (init) => new AsyncStore(init);
const NO_EVICTIONS = { size: 0, bytes: 0, expired: 0, deleted: 0, invalidated: 0 };

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe.each([
  ['in memory', {}],
  ['in a store that answers by promises', { store: asyncStore }],
] as [string, SmartCacheOptions][])('SmartCache %s', (_where, options) => {
  it.each([[{ a: [1, null, 'é'] }], [[]], ['text'], [''], [0], [false], [null]])(
    'keeps the value %j',
    async (value) => {
      const cache = new SmartCache(options);
      expect(await cache.set('tool', { q: 1 }, value)).toBe(true);
      expect(await cache.get('tool', { q: 1 })).toEqual(value);
    },
  );

  it('tells tools and arguments apart, but not the order of arguments', async () => {
    const cache = new SmartCache(options);
    await cache.set('tool', { a: 1, b: 2 }, 'value');
    expect(await cache.get('tool', { b: 2, a: 1 })).toBe('value');
    expect(await cache.get('tool', { a: 1 })).toBeUndefined();
    expect(await cache.get('tool')).toBeUndefined();
    expect(await cache.get('tool2', { a: 1, b: 2 })).toBeUndefined();
  });

  it('gives every caller a value of its own', async () => {
    const cache = new SmartCache(options);
    const value = { list: [1] };
    await cache.set('tool', {}, value);
    value.list.push(2);
    const first = (await cache.get('tool')) as typeof value;
    first.list.push(3);
    expect(await cache.get('tool')).toEqual({ list: [1] });
  });

  it('deletes a value and says whether there was one', async () => {
    const cache = new SmartCache(options);
    await cache.set('tool', {}, 1);
    expect(await cache.delete('tool')).toBe(true);
    expect(await cache.delete('tool', {})).toBe(false);
    expect(await cache.get('tool')).toBeUndefined();
  });

  it('drops all of a tool by its name, and all by clear', async () => {
    const cache = new SmartCache(options);
    for (const tool of ['a', 'b']) await cache.set(tool, {}, tool);
    await cache.invalidate('a');
    expect([await cache.get('a'), await cache.get('b')]).toEqual([undefined, 'b']);
    await cache.clear();
    expect(await cache.get('b')).toBeUndefined();
  });

  it('forgets after the given time, or the default', async () => {
    const cache = new SmartCache({ ...options, defaultTtlMs: 1_000 });
    await cache.set('default', {}, 1);
    await cache.set('short', {}, 1, 500);
    jest.advanceTimersByTime(500);
    expect([await cache.get('default'), await cache.get('short')]).toEqual([1, undefined]);
    jest.advanceTimersByTime(500);
    expect(await cache.get('default')).toBeUndefined();
  });

  it('never forgets for its age by lru', async () => {
    const cache = new SmartCache({ ...options, strategy: 'lru' });
    await cache.set('tool', {}, 1, 1);
    jest.advanceTimersByTime(1e9);
    expect(await cache.get('tool')).toBe(1);
  });

  it.each([0, -0, -1, -1e300])('does not store for %p ms', async (ttlMs) => {
    const cache = new SmartCache(options);
    expect(await cache.set('tool', {}, 1, ttlMs)).toBe(false);
    expect(await cache.get('tool')).toBeUndefined();
  });

  it.each([NaN, Infinity, -Infinity])('refuses a ttlMs of %p', async (ttlMs) => {
    const cache = new SmartCache(options);
    await expect(cache.set('tool', {}, 1, ttlMs)).rejects.toThrow(
      new RangeError(`ttlMs must be a finite number, got ${String(ttlMs)}`),
    );
  });

  it('refuses a value without a JSON form', async () => {
    const cache = new SmartCache(options);
    await expect(cache.set('tool', {}, undefined)).rejects.toThrow(
      new TypeError('value must have a JSON form, got undefined'),
    );
    await expect(cache.set('tool', {}, () => 1)).rejects.toThrow(TypeError);
    await expect(cache.set('tool', {}, 1n)).rejects.toThrow(TypeError);
    await expect(cache.get('tool', new Date(0))).rejects.toThrow(TypeError);
  });

  it('keeps finished bodies by key, with their time', async () => {
    const cache = new SmartCache(options);
    expect((await cache.lookup('key', 'files')).entry).toBeUndefined();
    const body = Buffer.from('{"a":1}');
    expect(await cache.save('key', body, { group: 'files', ttlMs: 1_000 })).toBe(true);
    expect(await cache.lookup('key', 'files')).toEqual({
      entry: { body, storedAt: Date.now(), ttlMs: 1_000 },
      generation: await cache.generation('files'),
    });
  });

  it('does not store a read that began before its group was dropped', async () => {
    const cache = new SmartCache(options);
    const generation = await cache.generation('files');
    await cache.invalidate('files');
    expect(await cache.save('key', Buffer.from('1'), { group: 'files', generation })).toBe(false);
    expect((await cache.lookup('key', 'files')).entry).toBeUndefined();
  });

  it('counts hits and misses', async () => {
    const cache = new SmartCache(options);
    expect(cache.stats).toMatchObject({ hits: 0, misses: 0, hitRate: 0, evictions: NO_EVICTIONS });
    await cache.get('tool');
    await cache.set('tool', {}, 1);
    for (let count = 0; count < 3; count++) await cache.get('tool');
    expect(cache.stats).toMatchObject({ hits: 3, misses: 1, hitRate: 75 });
  });

  it('tells of hits, misses and what it stores', async () => {
    const cache = new SmartCache(options);
    const told: unknown[] = [];
    cache.on('hit', (event) => told.push(['hit', event]));
    cache.on('miss', (event) => told.push(['miss', event]));
    cache.on('set', (event) => told.push(['set', event]));
    await cache.lookup('key', 'files');
    await cache.save('key', Buffer.from('1'), { group: 'files', ttlMs: 5 });
    await cache.save('key', Buffer.from('1'), { group: 'files', ttlMs: 0 });
    await cache.lookup('key', 'files');
    expect(told).toEqual([
      ['miss', { key: 'key' }],
      ['set', { key: 'key', group: 'files', ttlMs: 5 }],
      ['hit', { key: 'key' }],
    ]);
  });

  it('is not disturbed by a listener that throws', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const cache = new SmartCache(options);
    const failure = new Error('listener');
    for (const event of ['hit', 'miss', 'set', 'evict'] as const) {
      cache.on(event, () => {
        throw failure;
      });
    }
    await cache.get('tool');
    cache.removeAllListeners('set').on('set', () => {
      runInNewContext("throw 'text'");
    });
    await cache.set('tool', {}, 1);
    expect(await cache.get('tool')).toBe(1);
    expect(warn.mock.calls.map(([warning]) => warning)).toEqual([failure, 'text', failure]);
    warn.mockRestore();
  });

  it('finds and stores nothing once it is closed', async () => {
    const cache = new SmartCache(options);
    await cache.set('tool', {}, 1);
    await cache.close();
    await cache.close();
    expect(await cache.get('tool')).toBeUndefined();
    expect(await cache.set('tool', {}, 1)).toBe(false);
  });
});

describe('SmartCache', () => {
  it('answers look-ups in memory at once', () => {
    const cache = new SmartCache();
    expect(cache.save('key', Buffer.from('1'), { group: 'files' })).toBe(true);
    expect(cache.lookup('key', 'files')).toMatchObject({ entry: { ttlMs: 300_000 }, generation: 0 });
    expect(cache.generation('files')).toBe(0);
    void cache.invalidate('files');
    expect(cache.generation('files')).toBe(1);
  });

  it('counts what left, by reason, and tells of it', () => {
    const cache = new SmartCache({ maxSize: 2, maxBytes: 5_000 });
    const told: string[] = [];
    cache.on('evict', ({ key, group, reason }) => told.push(`${group}/${key}: ${reason}`));
    const save = (key: string, bytes = 1, ttlMs = 1_000): void => {
      void cache.save(key, Buffer.alloc(bytes), { group: 'g', ttlMs });
    };
    for (const key of ['a', 'b', 'c']) save(key);
    save('d', 3_500);
    save('e', 1, 1);
    jest.advanceTimersByTime(1);
    void cache.lookup('e', 'g');
    save('f');
    void cache.invalidate('g');
    save('h');
    void cache.clear();
    expect(told).toEqual([
      'g/a: size',
      'g/b: size',
      'g/c: bytes',
      'g/d: bytes',
      'g/e: expired',
      'g/f: invalidated',
      'g/h: deleted',
    ]);
    expect(cache.stats).toEqual({
      hits: 0,
      misses: 1,
      hitRate: 0,
      size: 0,
      bytes: 0,
      evictions: { size: 2, bytes: 2, expired: 1, deleted: 1, invalidated: 1 },
    });
  });

  it('does not know the size of a store that does not tell', () => {
    const { size, bytes } = new SmartCache({ store: asyncStore }).stats;
    expect([size, bytes]).toEqual([undefined, undefined]);
  });

  it('makes its store from its name and bounds', () => {
    const made: StoreInit[] = [];
    const store: StoreFactory = (init) => {
      made.push(init);
      return new AsyncStore(init);
    };
    new SmartCache({ store, strategy: 'ttl', maxBytes: 5_000 }, 'mine');
    const bounds = { maxSize: 1_000, maxBytes: 5_000, maxEntryBytes: 5_000 };
    expect(made).toEqual([{ name: 'mine', strategy: 'ttl', ...bounds, onEvict: expect.any(Function) as unknown }]);
  });

  it('passes on the failure of its store', async () => {
    const down: StoreFactory = (init) =>
      Object.assign(new AsyncStore(init), { find: () => Promise.reject(new Error('database is down')) });
    await expect(new SmartCache({ store: down }).get('tool')).rejects.toThrow('database is down');
  });

  const integer = 'must be an integer of at least 1';
  it.each([
    [{ maxSize: 0 }, `cache.maxSize ${integer}, got 0`],
    [{ maxSize: 1.5 }, `cache.maxSize ${integer}, got 1.5`],
    [{ maxBytes: -1 }, `cache.maxBytes ${integer}, got -1`],
    [{ maxEntryBytes: NaN }, `cache.maxEntryBytes ${integer}, got NaN`],
    [{ defaultTtlMs: Infinity }, `cache.defaultTtlMs ${integer}, got Infinity`],
    [{ maxSize: '5' }, `cache.maxSize ${integer}, got "5"`],
    [{ maxSize: null }, `cache.maxSize ${integer}, got null`],
    [{ maxBytes: 10, maxEntryBytes: 11 }, 'cache.maxEntryBytes must not be more than cache.maxBytes (10), got 11'],
    [{ strategy: 'lru', defaultTtlMs: 1 }, "cache.defaultTtlMs must not be given with the strategy 'lru'"],
    [{ strategy: 'fifo' }, `cache.strategy must be 'lru', 'ttl' or 'lru_ttl', got "fifo"`],
    [{ strategy: null }, `cache.strategy must be 'lru', 'ttl' or 'lru_ttl', got null`],
    [{ store: {} }, 'cache.store must be a function, got {}'],
  ])('refuses the options %j', (options, message) => {
    const make = (): SmartCache => new SmartCache(options as SmartCacheOptions);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(message);
  });

  it.each([
    ['no options', undefined],
    ['empty options', {}],
    ['options that are undefined', { strategy: undefined, maxSize: undefined, maxBytes: undefined, store: undefined }],
  ])('takes the defaults for %s', (_what, options) => {
    expect(new SmartCache(options).stats).toMatchObject({ size: 0, bytes: 0 });
  });
});
