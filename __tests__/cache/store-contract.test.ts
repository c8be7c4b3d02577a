import { MemoryStore } from '../../lib/cache/memory-store';
import type { CacheEntry, CacheStore, StoreFactory } from '../../lib/cache/store';
import { storeContract } from '../../lib/cache/store-contract';
import { AsyncStore } from '../support/async-store';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const wait = async (ms: number): Promise<void> => {
  await jest.advanceTimersByTimeAsync(ms);
};

for (const strategy of ['lru', 'ttl', 'lru_ttl'] as const) {
  storeContract(`MemoryStore (${strategy})`, (init) => new MemoryStore({ ...init, strategy }), { describe, it, wait });
}
storeContract('a store that answers by promises', (init) => new AsyncStore(init), { describe, it, wait });

/** Names of the contract's tests that a store fails. */
async function failuresOf(makeStore: StoreFactory): Promise<string[]> {
  const tests: { readonly title: string; readonly body: () => Promise<void> }[] = [];
  storeContract('store', makeStore, {
    describe: (_name, body) => {
      body();
    },
    it: (title, body) => void tests.push({ title, body }),
  });
  const failed: string[] = [];
  const done = (async () => {
    for (const { title, body } of tests) await body().catch(() => failed.push(title));
  })();
  // Without a `wait` of ours, the contract waits by setTimeout.
  await jest.advanceTimersByTimeAsync(1_000);
  await done;
  return failed;
}

/** A right store with one thing changed. */
function broken(change: (store: AsyncStore) => Partial<CacheStore>): StoreFactory {
  return (init) => {
    const store = new AsyncStore(init);
    const right: CacheStore = {
      find: (key, group) => store.find(key, group),
      set: (key, entry, group, generation) => store.set(key, entry, group, generation),
      delete: (key) => store.delete(key),
      generation: (group) => store.generation(group),
      dropGroup: (group, unsettledMs) => store.dropGroup(group, unsettledMs),
      clear: () => store.clear(),
      close: () => store.close(),
    };
    return { ...right, ...change(store) };
  };
}

describe('the contract finds a store that', () => {
  const far = Number.MAX_SAFE_INTEGER;
  const cases: Record<string, (store: AsyncStore) => Partial<CacheStore>> = {
    'mixes up keys': (s) => ({
      find: (key, group) => s.find(key.toLowerCase(), group),
      set: (key, entry, group) => s.set(key.toLowerCase(), entry, group),
    }),
    'cuts keys short': (s) => ({ set: (key, ...rest) => s.set(key.slice(0, 2), ...rest) }),
    'keeps text only': (s) => ({
      set: (key, entry, ...rest) => s.set(key, { ...entry, body: Buffer.from(entry.body.toString()) }, ...rest),
    }),
    'never expires': (s) => ({ set: (key, entry, ...rest) => s.set(key, { ...entry, ttlMs: far }, ...rest) }),
    'expires all': (s) => ({ set: (key, entry, ...rest) => s.set(key, { ...entry, ttlMs: 1 }, ...rest) }),
    'counts the TTL from now': (s) => ({
      set: (key, entry, ...rest) => s.set(key, { ...entry, storedAt: Date.now() }, ...rest),
    }),
    'ignores generations': (s) => ({ set: (key, entry, group) => s.set(key, entry, group) }),
    'compares generations too early': (s) => ({
      set: async (key, entry, group, generation) => {
        if (generation !== undefined && generation !== (await s.generation(group))) return false;
        return s.set(key, entry, group);
      },
    }),
    'has one generation for ever': () => ({ generation: () => 0 }),
    'does not move generations on': (s) => ({
      dropGroup: async () => undefined,
      generation: (group) => s.generation(group),
    }),
    'clears only entries': (s) => {
      const keys = new Set<string>();
      const set = (key: string, entry: CacheEntry, group: string, generation?: number): Promise<boolean> => {
        keys.add(key);
        return s.set(key, entry, group, generation);
      };
      return {
        set,
        clear: async () => {
          for (const key of keys) await s.delete(key);
        },
      };
    },
    'drops everything with a group': (s) => ({ dropGroup: () => s.clear() }),
    'ignores groups': (s) => ({ set: (key, entry) => s.set(key, entry, 'one for all') }),
    'settles at once': (s) => ({ dropGroup: (group) => s.dropGroup(group) }),
    'finds no generation': (s) => ({
      find: async (key, group) => ({ ...(await s.find(key, group)), generation: undefined }),
    }),
    'does not delete': () => ({ delete: () => true }),
    'lies about deleting': (s) => ({ delete: async (key) => !(await s.delete(key)) }),
    'keeps the older entry in place of one too large': (s) => ({
      set: async (key, entry, ...rest) => entry.body.length <= 1_000 && s.set(key, entry, ...rest),
    }),
    'goes on after close': () => ({ close: () => undefined }),
  };
  it.each(Object.entries(cases))('%s', async (_what, change) => {
    expect(await failuresOf(broken(change))).not.toEqual([]);
  });

  it('and passes the same store unchanged', async () => {
    expect(await failuresOf(broken(() => ({})))).toEqual([]);
  });
});
