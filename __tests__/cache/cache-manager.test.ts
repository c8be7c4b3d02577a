import { CacheManager } from '../../lib/cache/cache-manager';
import { SmartCache } from '../../lib/cache/smart-cache';
import type { StoreFactory } from '../../lib/cache/store';
import { ConfigError } from '../../lib/errors';
import { AsyncStore } from '../support/async-store';

const body = Buffer.from('1');

describe('CacheManager', () => {
  it('has a default cache with its own options', async () => {
    const manager = new CacheManager({ maxSize: 1 });
    expect(manager.getCache('default')).toBe(manager.default);
    for (const tool of ['a', 'b']) await manager.default.set(tool, {}, tool);
    expect(manager.default.stats.size).toBe(1);
  });

  it('adds named caches with options of their own', async () => {
    const manager = new CacheManager({ maxSize: 1 });
    const named = manager.createCache('high_frequency', { maxSize: 2 });
    expect(named).toBeInstanceOf(SmartCache);
    expect(manager.getCache('high_frequency')).toBe(named);
    expect(manager.getCache('other')).toBeUndefined();
    expect([...manager.caches.keys()]).toEqual(['default', 'high_frequency']);
    for (const tool of ['a', 'b', 'c']) await named.set(tool, {}, tool);
    expect(manager.stats).toMatchObject({ default: { size: 0 }, high_frequency: { size: 2, evictions: { size: 1 } } });
  });

  it.each(['default', 'taken', ''])('refuses another cache called %j', (name) => {
    const manager = new CacheManager();
    manager.createCache('taken');
    expect(() => manager.createCache(name)).toThrow(
      `cache.caches.${name} must have a non-empty name that is not taken, got ${JSON.stringify(name)}`,
    );
  });

  it('takes any name for a name', () => {
    const manager = new CacheManager();
    manager.createCache('__proto__');
    expect(Object.keys(manager.stats)).toEqual(['default', '__proto__']);
  });

  it('says where an option is wrong', () => {
    expect(() => new CacheManager({ maxSize: 0 })).toThrow('cache.maxSize must be an integer of at least 1, got 0');
    const manager = new CacheManager();
    expect(() => manager.createCache('fast', { maxSize: 0 })).toThrow(ConfigError);
    expect(() => manager.createCache('fast', { maxSize: 0 })).toThrow('cache.caches.fast.maxSize must be');
    expect(manager.getCache('fast')).toBeUndefined();
  });

  it('drops a group from all caches at once, and reads of it that still run', () => {
    const manager = new CacheManager();
    const caches = [manager.default, manager.createCache('a'), manager.createCache('b')];
    const generations = caches.map((cache) => cache.generation('files') as number);
    for (const cache of caches) {
      void cache.save('read', body, { group: 'files' });
      void cache.save('other', body, { group: 'docs' });
    }
    void manager.invalidate('files');
    caches.forEach((cache, index) => {
      expect(cache.lookup('read', 'files')).toMatchObject({ entry: undefined });
      expect(cache.lookup('other', 'docs')).toMatchObject({ entry: { body } });
      expect(cache.save('read', body, { group: 'files', generation: generations[index] })).toBe(false);
    });
  });

  it('clears all caches', () => {
    const manager = new CacheManager();
    const caches = [manager.default, manager.createCache('a')];
    for (const cache of caches) void cache.save('key', body, { group: 'files' });
    void manager.clear();
    expect(caches.map((cache) => cache.stats.size)).toEqual([0, 0]);
  });

  it('closes all caches, once, and makes no more', () => {
    const manager = new CacheManager();
    const named = manager.createCache('a');
    const close = jest.spyOn(named, 'close');
    void manager.close();
    void manager.close();
    expect(close).toHaveBeenCalledTimes(1);
    expect(named.save('key', body, { group: 'files' })).toBe(false);
    expect(() => manager.createCache('b')).toThrow(expect.objectContaining({ code: 'MCPO_CLOSING' }) as Error);
  });

  describe('over stores that answer by promises', () => {
    it('gives every named cache a store from the same factory, unless it brings its own', () => {
      const names: string[] = [];
      const store: StoreFactory = (init) => {
        names.push(init.name);
        return new AsyncStore(init);
      };
      const manager = new CacheManager({ store });
      manager.createCache('a');
      manager.createCache('b', { store: (init) => new AsyncStore(init) });
      expect(names).toEqual(['default', 'a']);
    });

    it('waits for all of them', async () => {
      const manager = new CacheManager({ store: (init) => new AsyncStore(init) });
      const caches = [manager.default, manager.createCache('a')];
      for (const cache of caches) await cache.save('key', body, { group: 'files' });
      await manager.invalidate('files');
      for (const cache of caches) expect((await cache.lookup('key', 'files')).entry).toBeUndefined();
      const closing = manager.close();
      expect(manager.close()).toBe(closing);
      await closing;
    });

    it('asks all, then fails with the first error', async () => {
      const manager = new CacheManager({
        store: (init) =>
          Object.assign(new AsyncStore(init), { dropGroup: () => Promise.reject(new Error(`${init.name} is down`)) }),
      });
      const healthy = manager.createCache('healthy', { store: (init) => new AsyncStore(init) });
      await healthy.save('key', body, { group: 'files' });
      await expect(manager.invalidate('files')).rejects.toThrow('default is down');
      expect((await healthy.lookup('key', 'files')).entry).toBeUndefined();
    });
  });
});
