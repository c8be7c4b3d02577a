import assert from 'node:assert/strict';
import type { StoreFactory, StoreInit } from './store';
import { groupContract } from './store-contract-groups';
import { MINUTE_MS, SHORT_MS, type StoreTest, entry, entryAt, textAt } from './store-contract-support';

/** What {@link storeContract} needs of a test runner: `describe` and `it` as in jest, vitest, mocha or `node:test`. */
export interface ContractRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
  /** Lets that many milliseconds pass for the store. @defaultValue waits for them */
  readonly wait?: ((ms: number) => Promise<void>) | undefined;
}

const MAX_ENTRY_BYTES = 1_000;

let stores = 0;

/**
 * Declares the tests that any {@link CacheStore} must pass. Each makes a store of its own, under a name of its own, and
 * closes it.
 *
 * @example A store of yours under `node:test`
 * ```ts
 * import { describe, it } from 'node:test';
 * import { storeContract } from 'express-mcpo/store-contract';
 *
 * storeContract('my store', (init) => new MyStore(init), { describe, it });
 * ```
 */
export function storeContract(name: string, makeStore: StoreFactory, runner: ContractRunner): void {
  const wait = runner.wait ?? ((ms: number) => new Promise<void>((done) => setTimeout(done, ms)));

  const test: StoreTest = (title, body) => {
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
    test('finds what was set, to the byte', async (store) => {
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

    test('does not find an entry once its time is over', async (store) => {
      await store.set('short', entry('body', SHORT_MS), 'group');
      await store.set('long', entry('body', MINUTE_MS), 'group');
      await store.set('renewed', entry('old', SHORT_MS), 'group');
      await store.set('renewed', entry('new', MINUTE_MS), 'group');
      await wait(2 * SHORT_MS);
      assert.equal(await entryAt(store, 'short'), undefined);
      assert.equal(await textAt(store, 'long'), 'body');
      assert.equal(await textAt(store, 'renewed'), 'new');
    });

    test('counts the TTL from the time the entry was made', async (store) => {
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

    groupContract(test, wait);

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
  });
}

function init(): StoreInit {
  const bounds = { maxSize: 100, maxBytes: 1_000_000, maxEntryBytes: MAX_ENTRY_BYTES };
  return { name: `contract-${String(stores++)}`, strategy: 'lru_ttl', ...bounds, onEvict: () => undefined };
}
