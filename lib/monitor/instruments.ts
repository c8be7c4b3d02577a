import { Counter, type CounterConfiguration, Gauge, Histogram, type Registry } from 'prom-client';
import { MetricNames } from './registry';

/** In seconds: from a cache hit to a call just before its timeout. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The reasons for which requests are rejected under load. */
export const REJECTIONS = [
  'queue_full',
  'queue_timeout',
  'pool_exhausted',
  'breaker_open',
  'closing',
  'overloaded',
] as const;
type Rejection = (typeof REJECTIONS)[number];

const CONNECTION_ERRORS = ['connect', 'died', 'ping', 'close'] as const;
/** The kinds of connection errors. */
export type ConnectionError = (typeof CONNECTION_ERRORS)[number];

/** The result of a cache look-up; `bypass`: there was none. */
export type CacheResult = 'hit' | 'miss' | 'bypass';

/** The metrics of one tool, with bound labels. */
export interface ToolInstruments {
  answered(outcome: string, seconds: number): void;
  /** Records the duration of a call to the MCP server. */
  readonly upstream: (seconds: number) => void;
  readonly cache: (result: CacheResult) => void;
  /** Counts a request that has joined a call in flight. */
  readonly shared: () => void;
  /** Records the time that a call has waited for its permit. */
  waited(seconds: number): void;
  readonly retried: () => void;
}

/** Values that are read at each scrape. */
export interface Sources {
  /** By cache. */
  readonly caches: () => Iterable<readonly [name: string, stats: CacheNumbers]>;
  /** By what depends on the store. */
  readonly stores: () => Iterable<readonly [name: string, health: StoreNumbers]>;
  readonly concurrency: () => { readonly limit: number; readonly inFlight: number; readonly waiting: number };
  /** Bytes that the router holds. */
  readonly buffered: () => number;
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
  readonly uncheckedCalls: number;
  /** 0 closed, 1 half-open, 2 open. */
  readonly breaker: number;
  /** Whether a write with an unknown outcome may still take effect. */
  readonly isUnsettled: boolean;
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | boolean | undefined];

/** The values of one metric. */
interface Source {
  readonly labels: readonly string[];
  readonly read: () => readonly Sample[];
}

type Increment = () => void;

/** A counter that adds up its increments until a scrape: prom-client needs a quarter of a microsecond for each. */
class SummedCounter<L extends string> {
  readonly #flushes: (() => void)[] = [];
  readonly #counter: Counter<L>;

  constructor(configuration: CounterConfiguration<L>) {
    const collect = (): void => this.#flushes.forEach((flush) => flush());
    this.#counter = new Counter({ ...configuration, collect });
  }

  /** Makes the increment of one series. */
  labelled(labels: Record<L, string>): Increment {
    const series = this.#counter.labels(labels);
    let count = 0;
    this.#flushes.push(() => {
      if (count > 0) series.inc(count);
      count = 0;
    });
    return () => {
      count += 1;
    };
  }
}

/** The Prometheus metrics of one router. */
export class Instruments {
  readonly #names: MetricNames;
  readonly #requests: SummedCounter<'server' | 'tool' | 'outcome'>;
  readonly #duration: Histogram<'server' | 'tool'>;
  readonly #upstream: Histogram<'server' | 'tool'>;
  readonly #cache: SummedCounter<'server' | 'tool' | 'result'>;
  readonly #shared: Counter<'server' | 'tool'>;
  readonly #queueWait: Histogram<'server'>;
  readonly #rejected: Counter<'reason'>;
  readonly #retries: Counter<'server'>;
  readonly #connectionErrors: Counter<'server' | 'reason'>;

  /**
   * @param prefix - the prefix of their names
   * @throws ConfigError if the registry has metrics of these names
   */
  constructor(registry: Registry, prefix: string, sources: Sources) {
    const names = new MetricNames(registry, prefix);
    const counter = <L extends string>(name: string, help: string, labels: readonly L[]): Counter<L> =>
      new Counter(names.take(name, help, labels));
    const summed = <L extends string>(name: string, help: string, labels: readonly L[]): SummedCounter<L> =>
      new SummedCounter(names.take(name, help, labels));
    const histogram = <L extends string>(name: string, help: string, labels: readonly L[]): Histogram<L> =>
      new Histogram({ ...names.take(name, help, labels), buckets: BUCKETS });

    const tool = ['server', 'tool'] as const;
    this.#names = names;
    this.#requests = summed('tool_requests_total', 'Requests to tools by outcome.', [...tool, 'outcome']);
    this.#duration = histogram('tool_request_duration_seconds', 'From a request to its response.', tool);
    this.#upstream = histogram('tool_upstream_duration_seconds', 'Calls to MCP servers, including retries.', tool);
    this.#queueWait = histogram('queue_wait_seconds', 'Waiting time of calls for a permit.', ['server']);
    this.#cache = summed('cache_requests_total', 'Requests by result of the cache look-up.', [...tool, 'result']);
    this.#shared = counter('shared_calls_total', 'Requests that joined a call in flight.', tool);
    this.#rejected = counter('rejected_total', 'Requests rejected under load.', ['reason']);
    this.#retries = counter('retries_total', 'Retries of calls.', ['server']);
    this.#connectionErrors = counter('connection_errors_total', 'Failed connections.', ['server', 'reason']);
    registerSources(names, sources);
    this.#beginAtZero([...sources.servers()].map(([server]) => server));
  }

  tool(server: string, tool: string): ToolInstruments {
    const labels = { server, tool };
    const duration = this.#duration.labels(labels);
    const upstream = this.#upstream.labels(labels);
    const shared = this.#shared.labels(labels);
    const queueWait = this.#queueWait.labels({ server });
    const retries = this.#retries.labels({ server });
    const outcomes = new Map<string, Increment>();
    const cache = new Map<CacheResult, Increment>();
    return {
      answered: (outcome, seconds) => {
        bound(outcomes, outcome, () => this.#requests.labelled({ ...labels, outcome }))();
        duration.observe(seconds);
      },
      upstream: (seconds) => upstream.observe(seconds),
      cache: (result) => {
        bound(cache, result, () => this.#cache.labelled({ ...labels, result }))();
      },
      shared: () => shared.inc(),
      waited: (seconds) => queueWait.observe(seconds),
      retried: () => retries.inc(),
    };
  }

  rejected(reason: Rejection): void {
    this.#rejected.inc({ reason });
  }

  connectionFailed(server: string, reason: ConnectionError): void {
    this.#connectionErrors.inc({ server, reason });
  }

  /** Removes the metrics from the registry. */
  close(): void {
    this.#names.release();
  }

  /** Prometheus sees no increase in a series that begins with its first event. */
  #beginAtZero(servers: readonly string[]): void {
    for (const reason of REJECTIONS) this.#rejected.inc({ reason }, 0);
    for (const server of servers) {
      this.#retries.inc({ server }, 0);
      for (const reason of CONNECTION_ERRORS) this.#connectionErrors.inc({ server, reason }, 0);
    }
  }
}

function bound<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  let value = known.get(key);
  if (value === undefined) {
    value = make();
    known.set(key, value);
  }

  return value;
}

/** One value of each item, by its name as the label. */
function each<K extends string>(
  label: string,
  items: () => Iterable<readonly [string, Readonly<Record<K, number | boolean | undefined>>]>,
  key: K,
): Source {
  const read = (): Sample[] => Array.from(items(), ([name, item]) => [{ [label]: name }, item[key]]);
  return { labels: [label], read };
}

/** Several values of each item: the second label has their keys. */
function eachOf<T>(
  labels: readonly [string, string],
  items: () => Iterable<readonly [string, T]>,
  valuesOf: (item: T) => Readonly<Record<string, number>>,
): Source {
  const [outer, inner] = labels;
  const samples = ([name, item]: readonly [string, T]): Sample[] =>
    Object.entries(valuesOf(item)).map(([key, value]) => [{ [outer]: name, [inner]: key }, value]);
  return { labels, read: () => [...items()].flatMap(samples) };
}

/** Registers the metrics whose values are read at each scrape. */
function registerSources(names: MetricNames, { caches, stores, concurrency, buffered, servers }: Sources): void {
  type Aggregator = 'min' | 'max' | 'sum';
  const gauge = (name: string, help: string, { labels, read }: Source, aggregator: Aggregator = 'sum'): Gauge =>
    new Gauge({
      aggregator,
      ...names.take(name, help, labels),
      collect() {
        for (const [values, value] of read()) if (value !== undefined) this.set(values, Number(value));
      },
    });
  const counter = (name: string, help: string, { labels, read }: Source): Counter =>
    new Counter({
      ...names.take(name, help, labels),
      collect() {
        this.reset();
        for (const [values, value] of read()) this.inc(values, Number(value));
      },
    });
  const calls = (key: 'limit' | 'inFlight' | 'waiting'): Source => ({
    labels: [],
    read: () => [[{}, concurrency()[key]]],
  });
  const evictions = eachOf(['cache', 'reason'], caches, (item) => item.evictions);
  const connections = eachOf(['server', 'state'], servers, ({ idle, busy, opening }) => ({ idle, busy, opening }));
  const unsettled = 'Whether a write with an unknown outcome keeps reads of a server from cache and sharing: 1 or 0.';
  const breakers = 'Circuit breaker of a server: 0 closed, 1 half-open, 2 open.';

  gauge('cache_entries', 'Cached results.', each('cache', caches, 'size'));
  gauge('cache_bytes', 'Bytes of the cached results, including overhead.', each('cache', caches, 'bytes'));
  counter('cache_evictions_total', 'Results that left a cache.', evictions);
  gauge('store_up', 'Whether a shared store is in use: 1 or 0.', each('store', stores, 'isUp'), 'min');
  counter('store_errors_total', 'Errors of shared stores.', each('store', stores, 'errors'));
  gauge('concurrency_limit', 'Maximum number of running calls.', calls('limit'));
  gauge('concurrency_in_flight', 'Running calls.', calls('inFlight'));
  gauge('concurrency_waiting', 'Calls waiting for a permit.', calls('waiting'));
  const held = { labels: [], read: (): Sample[] => [[{}, buffered()]] };
  gauge('buffered_bytes', 'Unread answers, incoming messages and unwritten calls.', held);
  gauge('pool_connections', 'Connections to a server.', connections);
  counter('unchecked_calls_total', 'Calls without a full check.', each('server', servers, 'uncheckedCalls'));
  gauge('pool_waiting', 'Calls waiting for a connection.', each('server', servers, 'waiting'));
  // The states of several workers have no meaningful sum.
  gauge('breaker_state', breakers, each('server', servers, 'breaker'), 'max');
  gauge('server_unsettled', unsettled, each('server', servers, 'isUnsettled'), 'max');
  gauge('server_up', 'Whether a server can be called: 1 or 0.', each('server', servers, 'isUp'), 'min');
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The Prometheus metrics of an app's own routes. */
export class HttpInstruments {
  readonly #requests: Counter<'route' | 'method' | 'status'>;
  readonly #duration: Histogram<'route' | 'method'>;

  /** @throws ConfigError if the registry has metrics of these names */
  constructor(registry: Registry, prefix: string) {
    const names = new MetricNames(registry, prefix);
    const help = 'From a request to its response.';
    this.#requests = new Counter(
      names.take('http_requests_total', 'Requests by status.', ['route', 'method', 'status']),
    );
    this.#duration = new Histogram(names.take('http_request_duration_seconds', help, ['route', 'method']));
  }

  answered(route: string, request: { readonly method: string; readonly status: string }, seconds: number): void {
    // Clients may send any method: the number of label values must be bounded.
    const method = METHODS.has(request.method) ? request.method : 'other';
    this.#requests.inc({ route, method, status: request.status });
    this.#duration.observe({ route, method }, seconds);
  }
}
