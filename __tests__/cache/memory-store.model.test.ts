import fc from 'fast-check';
import { MemoryStore } from '../../lib/cache/memory-store';
import type { Eviction } from '../../lib/cache/store';
import { StoreModel } from '../support/store-model';
import { SEED } from '../support/seed';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** What the store adds to key and body: found by asking it. */
const overhead = ((): number => {
  const bounds = { maxSize: 1, maxBytes: 10_000, maxEntryBytes: 10_000 };
  const store = new MemoryStore({ name: 'one', strategy: 'lru', ...bounds, onEvict: () => undefined });
  store.set('', { body: Buffer.alloc(0), storedAt: 0, ttlMs: undefined }, 'group');
  return store.bytes;
})();

const key = fc.integer({ min: 1, max: 24 }).map(String);
const group = fc.constantFrom('x', 'y', '__proto__');
const act = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constant('get' as const), key }) },
  {
    weight: 8,
    arbitrary: fc.record({
      act: fc.constant('set' as const),
      key,
      group,
      length: fc.constantFrom(0, 1, 50, 400, 1_000, 1_001),
      ttlMs: fc.constantFrom(undefined, 1, 5, 10, 20, 100),
    }),
  },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('dropGroup' as const), group }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('clear' as const) }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('pass' as const), ms: fc.constantFrom(1, 4, 5, 10, 30) }) },
);

describe.each(['lru', 'ttl', 'lru_ttl'] as const)('a MemoryStore by %s', (strategy) => {
  it('does what a naive model does', () => {
    // Time passes without its timers: the model removes nothing by itself.
    let elapsedMs = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => elapsedMs);
    process.stdout.write(`memory store model (${strategy}): seed ${SEED}\n`);
    const run = fc.property(
      fc.array(act, { minLength: 1, maxLength: 200, size: 'max' }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      (acts, maxSize, room) => {
        const bounds = { maxSize, maxBytes: room * (overhead + 200), maxEntryBytes: 1_000 };
        const told: Eviction[] = [];
        const store = new MemoryStore({
          name: 'model',
          strategy,
          ...bounds,
          onEvict: (eviction) => told.push(eviction),
        });
        const model = new StoreModel(strategy, bounds);
        let serial = 0;
        for (const step of acts) {
          const now = Date.now();
          if (step.act === 'pass') {
            jest.setSystemTime(now + step.ms);
            elapsedMs += step.ms;
          } else if (step.act === 'clear') {
            store.clear();
            model.clear();
          } else if (step.act === 'dropGroup') {
            store.dropGroup(step.group);
            model.dropGroup(step.group, now);
          } else if (step.act === 'delete') {
            expect(store.delete(step.key)).toBe(model.delete(step.key, now));
          } else if (step.act === 'get') {
            expect(store.find(step.key, 'group').entry?.body.toString()).toBe(model.get(step.key, now));
          } else {
            const text = String(serial++).padEnd(step.length, '.').slice(0, step.length);
            const entry = { body: Buffer.from(text), storedAt: now, ttlMs: step.ttlMs };
            const kept = store.set(step.key, entry, step.group, store.generation(step.group));
            expect(kept).toBe(model.set(step.key, text, step.ttlMs, step.group, overhead, now));
          }
          expect({ size: store.size, bytes: store.bytes }).toEqual({ size: model.entries.length, bytes: model.bytes });
          expect(store.size <= maxSize && store.bytes <= bounds.maxBytes).toBe(true);
        }
        const byText = (list: readonly Eviction[]): string[] => list.map((eviction) => JSON.stringify(eviction)).sort();
        expect(byText(told)).toEqual(byText(model.evictions));
        store.close();
      },
    );
    fc.assert(run, { seed: SEED, numRuns: 100 });
  });
});
