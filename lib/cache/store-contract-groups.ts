import assert from 'node:assert/strict';
import { SHORT_MS, type StoreTest, entry, entryAt, textAt } from './store-contract-support';

/** The part of the store contract that is about groups and their generations. */
export function groupContract(test: StoreTest, wait: (ms: number) => Promise<void>): void {
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

  test('tells the generation of what it finds', async (store) => {
    const before = await store.generation('group');
    await store.set('key', entry('body'), 'group', before);
    assert.equal((await store.find('key', 'group')).generation, before);
    assert.equal((await store.find('other', 'group')).generation, before);
  });

  test('has no generation of a group while it is unsettled, and keeps nothing read before or meanwhile', async (store) => {
    const before = await store.generation('group');
    await store.dropGroup('group', 4 * SHORT_MS);
    // An earlier end does not shorten it.
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

  test('never goes back to a generation', async (store) => {
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
}
