import type { CacheEntry, CacheStore } from './store';

export const MINUTE_MS = 60_000;
export const SHORT_MS = 50;

/** Declares a test that is given a store of its own. */
export type StoreTest = (title: string, body: (store: CacheStore) => Promise<void>) => void;

/** An entry made now. */
export function entry(body: string | Buffer, ttlMs = MINUTE_MS): CacheEntry {
  return { body: Buffer.from(body), storedAt: Date.now(), ttlMs };
}

/** What a store finds. */
export async function entryAt(store: CacheStore, key: string, group = 'group'): Promise<CacheEntry | undefined> {
  return (await store.find(key, group)).entry;
}

/** What a store finds, as text. */
export async function textAt(store: CacheStore, key: string, group?: string): Promise<string | undefined> {
  return (await entryAt(store, key, group))?.body.toString();
}
