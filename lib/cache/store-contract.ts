import assert from 'node:assert/strict';
import type { CacheEntry, CacheStore, StoreFactory, StoreInit } from './store';

/** What {@link storeContract} needs of a test runner: `describe` and `it` as in jest, vitest, mocha or `node:test`. */
export interface ContractRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
  /** Lets the store's time pass by so many milliseconds. @defaultValue a real wait */
  readonly wait?: ((ms: number) => Promise<void>) | undefined;
}

const MINUTE_MS = 60_000;
const SHORT_MS = 50;
const MAX_ENTRY_BYTES = 1_000;

let stores = 0;

/**
 * Declares the tests that every {@link CacheStore} must pass. Each makes, and closes, a store with a name of its own.
 *
 * @example Your own store under `node:test`
 * ```ts
 * import { describe, it } from 'node:test';
 * import { storeContract } from 'express-mcpo/store-contract';
 *
 * storeContract('my store', (init) => new MyStore(init), { describe, it });
 * ```
 */
export function storeContract(name: string, makeStore: StoreFactory, runner: ContractRunner): void {
  const wait = runner.wait ?? ((ms: number) => new Promise<void>((done) => setTimeout(done, ms)));

  const test = (title: string, body: (store: CacheStore) => Promise<void>): void => {
    runner.it(title, async () => {
      const store = makeStore(init());
      try {
        await body(store);
      } finally {
        await store.close();
      }
    });
  };

  runner.describe(`${name} keeps the store contract`, () => {
    test('finds what was set, byte for byte', async (store) => {
      for (const body of [Buffer.from('{"a":"é"}'), Buffer.from([0, 255, 254, 10, 0]), Buffer.alloc(0)]) {
        const set = entry(body);
        assert.equal(await store.set('key', set, 'group'), true);
        assert.deepEqual(await entryAt(store, 'key'), set);
        assert.deepEqual(await entryAt(store, 'key'), set, 'a second look finds the same');
      }
    });

    test('finds nothing under a key that was not set', async (store) => {
      for (const key of ['key', '__proto__', 'constructor', 'toString', '']) {
        assert.equal(await entryAt(store, key), undefined, `key ${JSON.stringify(key)}`);
      }
    });

    test('keeps every key apart', async (store) => {
      const keys = ['a', 'A', 'ab', 'a:b', 'a/b', 'b', 'a b', '__proto__', 'constructor'];
      for (const key of keys) await store.set(key, entry(`body of ${key}`), 'group');
      for (const key of keys) assert.equal(await textAt(store, key), `body of ${key}`);
    });

    test('replaces what was under a key', async (store) => {
      await store.set('key', entry('old'), 'group');
      await store.set('key', entry('new'), 'group');
      assert.equal(await textAt(store, 'key'), 'new');
    });

    test('keeps an entry without a TTL', async (store) => {
      const set = { ...entry('body'), storedAt: 0, ttlMs: undefined };
      assert.equal(await store.set('key', set, 'group'), true);
      assert.deepEqual(await entryAt(store, 'key'), set);
    });

    test('does not keep an entry whose time is over', async (store) => {
      const set = { ...entry('body', 1_000), storedAt: Date.now() - 1_000 };
      assert.equal(await store.set('key', set, 'group'), false);
      assert.equal(await entryAt(store, 'key'), undefined);
    });

    test('does not find an expired entry', async (store) => {
      await store.set('short', entry('body', SHORT_MS), 'group');
      await store.set('long', entry('body', MINUTE_MS), 'group');
      await store.set('renewed', entry('old', SHORT_MS), 'group');
      await store.set('renewed', entry('new', MINUTE_MS), 'group');
      await wait(2 * SHORT_MS);
      assert.equal(await entryAt(store, 'short'), undefined);
      assert.equal(await textAt(store, 'long'), 'body');
      assert.equal(await textAt(store, 'renewed'), 'new');
    });

    test('counts the TTL from storedAt', async (store) => {
      await store.set('key', { ...entry('body', MINUTE_MS), storedAt: Date.now() - MINUTE_MS + SHORT_MS }, 'group');
      await wait(2 * SHORT_MS);
      assert.equal(await entryAt(store, 'key'), undefined);
    });

    test('deletes one entry and says whether there was one', async (store) => {
      await store.set('a', entry('a'), 'group');
      await store.set('b', entry('b'), 'group');
      assert.equal(await store.delete('a', 'group'), true);
      assert.equal(await store.delete('a', 'group'), false);
      assert.equal(await entryAt(store, 'a'), undefined);
      assert.equal(await textAt(store, 'b'), 'b');
    });

    test('refuses a body over maxEntryBytes and drops the older one', async (store) => {
      assert.equal(await store.set('key', entry(Buffer.alloc(MAX_ENTRY_BYTES)), 'group'), true);
      assert.equal(await store.set('key', entry(Buffer.alloc(MAX_ENTRY_BYTES + 1)), 'group'), false);
      assert.equal(await entryAt(store, 'key'), undefined);
    });

    test('finds and keeps nothing once it is closed', async (store) => {
      await store.set('key', entry('body'), 'group');
      await store.close();
      await store.close();
      assert.equal(await entryAt(store, 'key'), undefined);
      assert.equal(await store.set('key', entry('body'), 'group'), false);
      assert.equal(await store.delete('key', 'group'), false);
    });

    test('drops a group and no other', async (store) => {
      for (const group of ['a', 'ab', 'b', '__proto__', '*']) {
        for (const key of ['1', '2']) await store.set(`${group} ${key}`, entry(group), group);
      }
      await store.dropGroup('a');
      await store.dropGroup('*');
      for (const group of ['a', '*']) {
        for (const key of ['1', '2']) assert.equal(await entryAt(store, `${group} ${key}`, group), undefined, group);
      }
      for (const group of ['ab', 'b', '__proto__']) {
        for (const key of ['1', '2']) assert.equal(await textAt(store, `${group} ${key}`, group), group);
      }
      assert.equal(await store.delete('a 1', 'a'), false, 'a dropped entry is not there to be deleted');
    });

    test('counts an entry to the group it was last set in', async (store) => {
      await store.set('key', entry('old'), 'a');
      await store.set('key', entry('new'), 'b');
      await store.dropGroup('a');
      assert.equal(await textAt(store, 'key', 'b'), 'new');
      await store.dropGroup('b');
      assert.equal(await entryAt(store, 'key', 'b'), undefined);
    });

    test('does not keep what was read before its group was dropped', async (store) => {
      const before = await store.generation('a');
      const other = await store.generation('b');
      await store.dropGroup('a');
      assert.equal(await store.set('key', entry('stale'), 'a', before), false);
      assert.equal(await entryAt(store, 'key', 'a'), undefined);
      assert.equal(await store.set('other', entry('good'), 'b', other), true);

      const after = await store.generation('a');
      assert.equal(await store.set('key', entry('fresh'), 'a', after), true);
      assert.equal(await store.set('key', entry('stale'), 'a', before), false);
      assert.equal(await textAt(store, 'key', 'a'), 'fresh', 'a refused entry leaves the newer one alone');
    });

    test('does not keep what is set while its group is dropped', async (store) => {
      const before = await store.generation('group');
      await Promise.all([store.set('key', entry('stale'), 'group', before), store.dropGroup('group')]);
      assert.equal(await entryAt(store, 'key'), undefined);
    });

    test('returns the generation with what it finds', async (store) => {
      const before = await store.generation('group');
      await store.set('key', entry('body'), 'group', before);
      assert.equal((await store.find('key', 'group')).generation, before);
      assert.equal((await store.find('other', 'group')).generation, before);
    });

    test('has no generation of a group while it is unsettled, and keeps nothing that was read before or during that time', async (store) => {
      const before = await store.generation('group');
      await store.dropGroup('group', 4 * SHORT_MS);
      // A shorter time does not shorten it.
      await store.dropGroup('group');
      assert.equal(await store.generation('group'), undefined);
      assert.equal((await store.find('key', 'group')).generation, undefined);
      assert.equal(await store.set('key', entry('stale'), 'group', before), false);
      assert.notEqual(await store.generation('other'), undefined);
      await wait(5 * SHORT_MS);
      const after = await store.generation('group');
      assert.notEqual(after, undefined);
      assert.notEqual(after, before);
      assert.equal(await store.set('key', entry('stale'), 'group', before), false);
      assert.equal(await store.set('key', entry('fresh'), 'group', after), true);
      assert.equal(await textAt(store, 'key'), 'fresh');
    });

    test('never reuses a generation', async (store) => {
      const seen = new Set([await store.generation('group')]);
      const acts = [() => store.dropGroup('group'), () => store.clear(), () => store.dropGroup('group')];
      for (const act of acts) {
        await store.set('key', entry('body'), 'group');
        await act();
        seen.add(await store.generation('group'));
      }
      assert.equal(seen.size, acts.length + 1);
    });

    test('clears all entries and outdates every group', async (store) => {
      const [used, unused] = [await store.generation('used'), await store.generation('unused')];
      await store.set('key', entry('body'), 'used');
      await store.clear();
      assert.equal(await entryAt(store, 'key', 'used'), undefined);
      assert.equal(await store.set('key', entry('stale'), 'used', used), false);
      assert.equal(await store.set('key', entry('stale'), 'unused', unused), false);
      assert.equal(await store.set('key', entry('fresh'), 'used', await store.generation('used')), true);
    });
  });
}

function init(): StoreInit {
  const bounds = { maxSize: 100, maxBytes: 1_000_000, maxEntryBytes: MAX_ENTRY_BYTES };
  return { name: `contract-${String(stores++)}`, strategy: 'lru_ttl', ...bounds, onEvict: () => undefined };
}

/** An entry made now. */
function entry(body: string | Buffer, ttlMs = MINUTE_MS): CacheEntry {
  return { body: Buffer.from(body), storedAt: Date.now(), ttlMs };
}

async function entryAt(store: CacheStore, key: string, group = 'group'): Promise<CacheEntry | undefined> {
  return (await store.find(key, group)).entry;
}

async function textAt(store: CacheStore, key: string, group?: string): Promise<string | undefined> {
  return (await entryAt(store, key, group))?.body.toString();
}
