import type { CacheManager } from './cache/cache-manager';

/**
 * After a write of which nobody knows when, or whether, it takes effect, what is read of its server is neither kept
 * nor shared for so long.
 */
const UNSETTLED_MS = 30_000;

interface Writes {
  count: number;
  unsettledUntil: number;
}

/** Keeps reads from being answered with what was true before a write. */
export class Freshness {
  readonly #cache: CacheManager;
  readonly #servers = new Map<string, Writes>();

  constructor(cache: CacheManager) {
    this.#cache = cache;
  }

  /** How many writes to a server have ended: reads with the same number may share one answer. */
  epoch(server: string): number {
    return this.#servers.get(server)?.count ?? 0;
  }

  /** Whether no write may still be taking effect unseen. */
  isSettled(server: string): boolean {
    const writes = this.#servers.get(server);
    return !writes || performance.now() >= writes.unsettledUntil;
  }

  /**
   * A write has ended: what was read of the server before is out of date.
   *
   * @param outcome - `unknown` when it may still take effect
   */
  written(server: string, outcome: 'known' | 'unknown'): void | Promise<void> {
    let writes = this.#servers.get(server);
    if (!writes) {
      writes = { count: 0, unsettledUntil: 0 };
      this.#servers.set(server, writes);
    }
    writes.count += 1;
    if (outcome === 'unknown') writes.unsettledUntil = performance.now() + UNSETTLED_MS;
    return this.#cache.invalidate(server);
  }
}
