import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { MemoryStore } from '../../lib/cache/memory-store';
import type { CacheEntry, Eviction, StoreInit } from '../../lib/cache/store';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

function setUp(change: Partial<StoreInit> = {}): { store: MemoryStore; told: Eviction[] } {
  const told: Eviction[] = [];
  const bounds = { maxSize: 10_000, maxBytes: 2 ** 26, maxEntryBytes: 2 ** 20 };
  const onEvict = (eviction: Eviction): void => void told.push(eviction);
  return { store: new MemoryStore({ name: 'test', strategy: 'lru_ttl', ...bounds, onEvict, ...change }), told };
}

function entry(text: string, ttlMs?: number): CacheEntry {
  return { body: Buffer.from(text), storedAt: Date.now(), ttlMs };
}

function fill(store: MemoryStore, count: number, ttlMs?: number): void {
  for (let index = 0; index < count; index++) store.set(`key ${String(index)}`, entry('body', ttlMs), 'group');
}

describe('MemoryStore', () => {
  it('finds an entry until the millisecond at which its time is over', () => {
    const { store } = setUp();
    for (const ttlMs of [1, 3, 1_000, 300_000]) {
      store.set('key', entry('body', ttlMs), 'group');
      jest.advanceTimersByTime(ttlMs - 1);
      expect(store.find('key', 'group').entry?.body.toString()).toBe('body');
      jest.advanceTimersByTime(1);
      expect(store.find('key', 'group').entry).toBeUndefined();
    }
  });

  it.each([
    ['back', -3_600_000],
    ['forward', 3_600_000],
  ])('keeps an entry for as long as it was to be, whoever sets the clock %s', (_way, change) => {
    const { store } = setUp();
    store.set('key', entry('body', 300_000), 'group');
    jest.setSystemTime(Date.now() + change);
    jest.advanceTimersByTime(299_999);
    expect(store.find('key', 'group').entry).toBeDefined();
    jest.advanceTimersByTime(1);
    expect(store.find('key', 'group').entry).toBeUndefined();
    store.set('key', { ...entry('body', 300_000), storedAt: Date.now() + 3_600_000 }, 'group');
    jest.advanceTimersByTime(300_000);
    expect(store.find('key', 'group').entry).toBeUndefined();
  });

  it('evicts the least recently used of too many by lru_ttl', () => {
    const { store, told } = setUp({ maxSize: 2 });
    for (const key of ['a', 'b']) store.set(key, entry(key, 1_000), 'group');
    store.find('a', 'group');
    store.set('c', entry('c', 1_000), 'group');
    expect(told).toEqual([{ key: 'b', group: 'group', reason: 'size' }]);
  });

  it('evicts the nearest to expiry of too many by ttl, those without an end last', () => {
    const { store, told } = setUp({ strategy: 'ttl', maxSize: 3 });
    store.set('endless', entry('', undefined), 'group');
    store.set('late', entry('', 2_000), 'group');
    store.set('soon', entry('', 1_000), 'group');
    store.find('soon', 'group');
    for (const key of ['1', '2', '3']) store.set(key, entry('', 3_000), 'group');
    expect(told.map(({ key }) => key)).toEqual(['soon', 'late', '1']);
    expect(store.find('endless', 'group').entry).toBeDefined();
  });

  it('evicts what is over before what is only little used', () => {
    const { store, told } = setUp({ maxSize: 2 });
    store.set('old', entry('', 60_000), 'group');
    store.set('over', entry('', 10), 'group');
    jest.advanceTimersByTime(10);
    store.set('new', entry('', 60_000), 'group');
    expect(told).toEqual([{ key: 'over', group: 'group', reason: 'expired' }]);
  });

  it('cleans up in the background, in slices, entries that nobody asks for', () => {
    const { store, told } = setUp();
    fill(store, 2_500, 5_000);
    store.set('stays', entry('', 60_000), 'group');
    jest.advanceTimersByTime(9_999);
    expect(store.size).toBe(2_501);
    jest.advanceTimersByTime(1);
    expect(store.size).toBe(1_501);
    jest.advanceTimersByTime(1);
    jest.advanceTimersByTime(1);
    expect(store.size).toBe(1);
    expect(told).toHaveLength(2_500);
    expect(new Set(told.map(({ reason }) => reason))).toEqual(new Set(['expired']));
  });

  it('starts a clean-up again after one that left nothing', () => {
    const { store } = setUp();
    for (let round = 0; round < 2; round++) {
      store.set('key', entry('', 1_000), 'group');
      expect(jest.getTimerCount()).toBe(1);
      jest.advanceTimersByTime(10_000);
      expect(store.size).toBe(0);
      expect(jest.getTimerCount()).toBe(0);
    }
  });

  it('runs no timer for entries without an end', () => {
    const { store } = setUp();
    fill(store, 10);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('drops a large group at once, and its memory in slices', () => {
    const { store, told } = setUp();
    fill(store, 2_500);
    store.dropGroup('group');
    for (const index of [0, 1_500, 2_499]) expect(store.find(`key ${String(index)}`, 'group').entry).toBeUndefined();
    expect(store.delete('key 2000')).toBe(false);
    expect(store.set('key 2001', entry('new'), 'group')).toBe(true);
    expect(store.size).toBeLessThan(1_501);
    jest.advanceTimersByTime(1);
    jest.advanceTimersByTime(1);
    expect(store.size).toBe(1);
    expect(store.find('key 2001', 'group').entry?.body.toString()).toBe('new');
    expect(told).toHaveLength(2_500);
    expect(new Set(told.map(({ reason }) => reason))).toEqual(new Set(['invalidated']));
    expect(new Set(told.map(({ key }) => key)).size).toBe(2_500);
  });

  it('has no generation of a group until each of its writes has ended', () => {
    const { store } = setUp();
    store.dropGroup('group', 60_000, 'one');
    store.dropGroup('group', 60_000, 'other');
    store.dropGroup('group', 0, 'one');
    expect(store.generation('group')).toBeUndefined();
    store.dropGroup('group', 0, 'other');
    expect(store.generation('group')).toBeDefined();
  });

  it('gives room to a new entry from a dropped group first', () => {
    const { store, told } = setUp({ maxSize: 2_501 });
    store.set('other', entry(''), 'other');
    fill(store, 2_500);
    store.dropGroup('group');
    for (let index = 0; index < 2_500; index++) store.set(`new ${String(index)}`, entry(''), 'other');
    expect(told.filter(({ reason }) => reason !== 'invalidated')).toEqual([]);
    expect(store.find('other', 'group').entry).toBeDefined();
  });

  it('clears a dropped group that waits for its clean-up', () => {
    const { store, told } = setUp();
    fill(store, 1_500);
    store.dropGroup('group');
    store.clear();
    expect({ size: store.size, bytes: store.bytes, told: told.length }).toEqual({ size: 0, bytes: 0, told: 1_500 });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('stops its timer and forgets all when it is closed', () => {
    const { store, told } = setUp();
    fill(store, 1_500, 1_000);
    store.dropGroup('group');
    fill(store, 10, 1_000);
    told.length = 0;
    store.close();
    store.close();
    expect({ timers: jest.getTimerCount(), size: store.size, bytes: store.bytes, told }).toEqual({
      timers: 0,
      size: 0,
      bytes: 0,
      told: [],
    });
  });

  it('keeps small bodies in memory of their own', () => {
    const { store } = setUp();
    const body = Buffer.from('small');
    expect(body.buffer.byteLength).toBeGreaterThan(body.length);
    store.set('key', { body, storedAt: Date.now(), ttlMs: undefined }, 'group');
    const found = store.find('key', 'group').entry?.body;
    expect(found?.buffer.byteLength).toBe(body.length);
    body.fill('x');
    expect(found?.toString()).toBe('small');
  });

  it('hands out entries that cannot be changed', () => {
    const { store } = setUp();
    store.set('key', entry('body', 1_000), 'group');
    expect(Object.isFrozen(store.find('key', 'group').entry)).toBe(true);
  });

  it('is whole when its listener is told, whatever the listener does', () => {
    let calls = 0;
    const { store } = setUp({
      maxSize: 3,
      onEvict: ({ key }) => {
        if (++calls > 50) return;
        store.set(key, entry(`again ${String(calls)}`, 1_000), 'group');
        if (calls % 7 === 0) store.dropGroup('group');
        if (calls % 11 === 0) store.clear();
      },
    });
    for (let index = 0; index < 50; index++) store.set(`key ${String(index)}`, entry('', 1_000), 'group');
    expect(calls).toBeGreaterThan(50);
    expect(store.size).toBeLessThanOrEqual(3);
    store.dropGroup('group');
    expect({ size: store.size, bytes: store.bytes }).toEqual({ size: 0, bytes: 0 });
  });

  it('does not grow with the names of groups that are gone', () => {
    const { store } = setUp();
    for (let index = 0; index < 10; index++) {
      store.set('key', entry(''), `group ${String(index)}`);
      expect(store.generation(`group ${String(index)}`)).toBe(0);
    }
    expect(store.size).toBe(1);
  });

  it('does not keep a process alive', () => {
    const source = join(__dirname, '../../lib/cache/memory-store');
    const code = `
      const { MemoryStore } = require(${JSON.stringify(source)});
      const bounds = { maxSize: 10, maxBytes: 1e6, maxEntryBytes: 1e3 };
      const store = new MemoryStore({ name: 'x', strategy: 'lru_ttl', ...bounds, onEvict() {} });
      store.set('key', { body: Buffer.from('body'), storedAt: Date.now(), ttlMs: 3e5 }, 'group');
      process.stdout.write(String(store.size));`;
    const args = ['-r', 'ts-node/register/transpile-only', '-e', code];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { timeout: 30_000, encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '1', stderr: '' });
  }, 40_000);
});
