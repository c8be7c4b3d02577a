import { Counter, Gauge } from 'prom-client';
import type { MetricNames } from './registry';

type Samples<L extends string> = Iterable<readonly [labels: Partial<Record<L, string>>, value: number]>;
type Aggregator = 'min' | 'max' | 'sum';

/** Values that are read at each scrape. */
export interface Sources {
  /** By cache. */
  readonly caches: () => Iterable<readonly [name: string, stats: CacheNumbers]>;
  /** By what depends on the store. */
  readonly stores: () => Iterable<readonly [name: string, health: StoreNumbers]>;
  readonly concurrency: () => { readonly limit: number; readonly inFlight: number; readonly waiting: number };
  /** By server. */
  readonly servers: () => Iterable<readonly [name: string, stats: ServerNumbers]>;
}

/** A snapshot of a cache; `undefined` if unknown. */
export interface CacheNumbers {
  readonly size: number | undefined;
  readonly bytes: number | undefined;
  readonly evictions: Readonly<Record<string, number>>;
}

/** A snapshot of a database. */
export interface StoreNumbers {
  readonly isUp: boolean;
  readonly errors: number;
}

/** A snapshot of a server. */
export interface ServerNumbers {
  readonly idle: number;
  readonly busy: number;
  readonly opening: number;
  readonly waiting: number;
  readonly isUp: boolean;
  /** 0 closed, 1 half-open, 2 open. */
  readonly breaker: number;
}

/** Registers the metrics whose values are read at each scrape. */
export function gauges(names: MetricNames, { caches, stores, concurrency, servers }: Sources): void {
  function gauge<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    samples: () => Samples<L>,
    aggregator: Aggregator = 'sum',
  ): void {
    new Gauge({
      aggregator,
      ...names.take(name, help, labels),
      collect() {
        for (const [values, value] of samples()) this.set(values, value);
      },
    });
  }

  function counter<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    samples: () => Samples<L>,
  ): void {
    new Counter({
      ...names.take(name, help, labels),
      collect() {
        this.reset();
        for (const [values, value] of samples()) this.inc(values, value);
      },
    });
  }

  gauge('cache_entries', 'Cached results.', ['cache'], () =>
    [...caches()].flatMap(([cache, { size }]) => (size === undefined ? [] : [[{ cache }, size]])),
  );
  gauge('cache_bytes', 'Bytes of the cached results, including overhead.', ['cache'], () =>
    [...caches()].flatMap(([cache, { bytes }]) => (bytes === undefined ? [] : [[{ cache }, bytes]])),
  );
  counter('cache_evictions_total', 'Results that left a cache.', ['cache', 'reason'], () =>
    [...caches()].flatMap(([cache, { evictions }]) =>
      Object.entries(evictions).map(([reason, count]) => [{ cache, reason }, count] as const),
    ),
  );
  const perStore = (value: (store: StoreNumbers) => number) => () =>
    Array.from(stores(), ([store, numbers]) => [{ store }, value(numbers)] as const);
  gauge(
    'store_up',
    'Whether a shared store is in use: 1 or 0.',
    ['store'],
    perStore((store) => Number(store.isUp)),
    'min',
  );
  counter(
    'store_errors_total',
    'Errors of shared stores.',
    ['store'],
    perStore((store) => store.errors),
  );
  gauge('concurrency_limit', 'Maximum number of running calls.', [], () => [[{}, concurrency().limit]]);
  gauge('concurrency_in_flight', 'Running calls.', [], () => [[{}, concurrency().inFlight]]);
  gauge('concurrency_waiting', 'Calls waiting for a permit.', [], () => [[{}, concurrency().waiting]]);
  gauge('pool_connections', 'Connections to a server.', ['server', 'state'], () =>
    [...servers()].flatMap(([server, { idle, busy, opening }]) =>
      Object.entries({ idle, busy, opening }).map(([state, count]) => [{ server, state }, count] as const),
    ),
  );
  const perServer = (value: (server: ServerNumbers) => number) => () =>
    Array.from(servers(), ([server, numbers]) => [{ server }, value(numbers)] as const);
  gauge(
    'pool_waiting',
    'Calls waiting for a connection.',
    ['server'],
    perServer((server) => server.waiting),
  );
  const states = 'Circuit breaker of a server: 0 closed, 1 half-open, 2 open.';
  // The states of several workers have no meaningful sum.
  gauge(
    'breaker_state',
    states,
    ['server'],
    perServer((server) => server.breaker),
    'max',
  );
  gauge(
    'server_up',
    'Whether a server can be called: 1 or 0.',
    ['server'],
    perServer((server) => Number(server.isUp)),
    'min',
  );
}
