import { Counter, Gauge } from 'prom-client';
import type { Names } from './names';

/** Numbers that are read when they are asked for. */
export interface Sources {
  /** By cache. */
  readonly caches: () => Iterable<readonly [name: string, stats: CacheNumbers]>;
  /** By what depends on it. */
  readonly stores: () => Iterable<readonly [name: string, health: StoreNumbers]>;
  readonly concurrency: () => { readonly limit: number; readonly inFlight: number; readonly waiting: number };
  /** By server. */
  readonly servers: () => Iterable<readonly [name: string, stats: ServerNumbers]>;
}

/** A cache at one moment; what its store cannot tell is left out. */
export interface CacheNumbers {
  readonly size: number | undefined;
  readonly bytes: number | undefined;
  readonly evictions: Readonly<Record<string, number>>;
}

/** A database, or the like, at one moment. */
export interface StoreNumbers {
  readonly isUp: boolean;
  readonly errors: number;
}

/** A server at one moment. */
export interface ServerNumbers {
  readonly idle: number;
  readonly busy: number;
  readonly opening: number;
  readonly waiting: number;
  readonly isUp: boolean;
  /** 0 closed, 1 half-open, 2 open. */
  readonly breaker: number;
}

/** Metrics that cost nothing until they are asked for. */
export function gauges(names: Names, { caches, stores, concurrency, servers }: Sources): void {
  new Gauge({
    ...names.take('cache_entries', 'Results that are kept.', ['cache']),
    collect() {
      for (const [cache, { size }] of caches()) if (size !== undefined) this.set({ cache }, size);
    },
  });
  new Gauge({
    ...names.take('cache_bytes', 'Bytes of the results that are kept, overhead included.', ['cache']),
    collect() {
      for (const [cache, { bytes }] of caches()) if (bytes !== undefined) this.set({ cache }, bytes);
    },
  });
  new Counter({
    ...names.take('cache_evictions_total', 'Results that left a cache.', ['cache', 'reason']),
    collect() {
      this.reset();
      for (const [cache, { evictions }] of caches()) {
        for (const [reason, count] of Object.entries(evictions)) this.inc({ cache, reason }, count);
      }
    },
  });
  new Gauge({
    aggregator: 'min',
    ...names.take('store_up', 'Whether what instances share is used: 1 or 0.', ['store']),
    collect() {
      for (const [store, { isUp }] of stores()) this.set({ store }, isUp ? 1 : 0);
    },
  });
  new Counter({
    ...names.take('store_errors_total', 'Failures of what instances share.', ['store']),
    collect() {
      this.reset();
      for (const [store, { errors }] of stores()) this.inc({ store }, errors);
    },
  });
  new Gauge({
    ...names.take('concurrency_limit', 'How many calls may run at once.', []),
    collect() {
      this.set(concurrency().limit);
    },
  });
  new Gauge({
    ...names.take('concurrency_in_flight', 'Calls that run.', []),
    collect() {
      this.set(concurrency().inFlight);
    },
  });
  new Gauge({
    ...names.take('concurrency_waiting', 'Calls that wait for a permit.', []),
    collect() {
      this.set(concurrency().waiting);
    },
  });
  new Gauge({
    ...names.take('pool_connections', 'Connections to a server.', ['server', 'state']),
    collect() {
      for (const [server, { idle, busy, opening }] of servers()) {
        for (const [state, count] of Object.entries({ idle, busy, opening })) this.set({ server, state }, count);
      }
    },
  });
  new Gauge({
    ...names.take('pool_waiting', 'Calls that wait for a connection.', ['server']),
    collect() {
      for (const [server, { waiting }] of servers()) this.set({ server }, waiting);
    },
  });
  new Gauge({
    // The sum of what several workers say would be no state.
    aggregator: 'max',
    ...names.take('breaker_state', 'Breaker of a server: 0 closed, 1 half-open, 2 open.', ['server']),
    collect() {
      for (const [server, { breaker }] of servers()) this.set({ server }, breaker);
    },
  });
  new Gauge({
    aggregator: 'min',
    ...names.take('server_up', 'Whether a server can be called: 1 or 0.', ['server']),
    collect() {
      for (const [server, { isUp }] of servers()) this.set({ server }, isUp ? 1 : 0);
    },
  });
}
