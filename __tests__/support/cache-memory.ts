import { MemoryStore } from '../../lib/cache/memory-store';

/**
 * Fills a store with far more than it may hold and reports, as one line of JSON, how far it went and what it left.
 * Needs `--expose-gc`.
 */
function main(distinct: number, bodyBytes: number, maxBytes: number): void {
  const init = { name: 'memory', strategy: 'lru_ttl' as const, maxSize: 60_000, maxBytes, maxEntryBytes: 2 ** 20 };
  const store = new MemoryStore({ ...init, onEvict: () => undefined });
  const before = held();
  let [mostEntries, mostBytes] = [0, 0];
  for (let index = 0; index < distinct; index++) {
    // Pooled, as a server's response bodies may be.
    const body = Buffer.from(String(index).padEnd(bodyBytes, '.'));
    store.set(`key ${String(index)}`.padEnd(43), { body, storedAt: Date.now(), ttlMs: 300_000 }, 'group');
    mostEntries = Math.max(mostEntries, store.size);
    mostBytes = Math.max(mostBytes, store.bytes);
  }
  const full = held() - before;
  store.clear();
  const report = { mostEntries, mostBytes, maxSize: init.maxSize, full, cleared: held() - before };
  process.stdout.write(JSON.stringify(report));
}

function held(): number {
  if (!globalThis.gc) throw new Error('needs --expose-gc');
  for (let round = 0; round < 3; round++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

main(Number(process.argv[2]), Number(process.argv[3]), Number(process.argv[4]));
