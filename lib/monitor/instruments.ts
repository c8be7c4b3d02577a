import { Counter, Histogram, type Registry } from 'prom-client';
import { gauges, type Sources } from './gauges';
import { MetricNames } from './registry';

/** In seconds: from a cache hit to a call just before its timeout. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The reasons for which requests are rejected under load. */
export const REJECTIONS = ['queue_full', 'queue_timeout', 'pool_exhausted', 'breaker_open', 'closing'] as const;
type Rejection = (typeof REJECTIONS)[number];

const CONNECTION_ERRORS = ['connect', 'died', 'ping', 'close'] as const;
/** The kinds of connection errors. */
export type ConnectionError = (typeof CONNECTION_ERRORS)[number];

/** The result of a cache look-up; `bypass`: there was none. */
export type CacheResult = 'hit' | 'miss' | 'bypass';

/** The metrics of one tool, with bound labels. */
export interface ToolInstruments {
  /** Counts a request that has ended. */
  answered(outcome: string, seconds: number): void;
  /** Records the duration of a call to the MCP server. */
  upstream(seconds: number): void;
  cache(result: CacheResult): void;
  /** Counts a request that has joined a call in flight. */
  shared(): void;
  /** Records the time that a call has waited for its permit. */
  waited(seconds: number): void;
  /** Counts a retry. */
  retried(): void;
}

/** The Prometheus metrics of one router. */
export class Instruments {
  readonly #names: MetricNames;
  readonly #requests: Counter<'server' | 'tool' | 'outcome'>;
  readonly #duration: Histogram<'server' | 'tool'>;
  readonly #upstream: Histogram<'server' | 'tool'>;
  readonly #cache: Counter<'server' | 'tool' | 'result'>;
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
    const histogram = <L extends string>(name: string, help: string, labels: readonly L[]): Histogram<L> =>
      new Histogram({ ...names.take(name, help, labels), buckets: BUCKETS });

    const tool = ['server', 'tool'] as const;
    this.#names = names;
    this.#requests = counter('tool_requests_total', 'Requests to tools by outcome.', [...tool, 'outcome']);
    this.#duration = histogram('tool_request_duration_seconds', 'From a request to its response.', tool);
    this.#upstream = histogram('tool_upstream_duration_seconds', 'Calls to MCP servers, including retries.', tool);
    this.#queueWait = histogram('queue_wait_seconds', 'Waiting time of calls for a permit.', ['server']);
    this.#cache = counter('cache_requests_total', 'Requests by result of the cache look-up.', [...tool, 'result']);
    this.#shared = counter('shared_calls_total', 'Requests that joined a call in flight.', tool);
    this.#rejected = counter('rejected_total', 'Requests rejected under load.', ['reason']);
    this.#retries = counter('retries_total', 'Retries of calls.', ['server']);
    this.#connectionErrors = counter('connection_errors_total', 'Failed connections.', ['server', 'reason']);
    gauges(names, sources);
    this.#beginAtZero([...sources.servers()].map(([server]) => server));
  }

  /** Returns the metrics of a tool. */
  tool(server: string, tool: string): ToolInstruments {
    const labels = { server, tool };
    const duration = this.#duration.labels(labels);
    const upstream = this.#upstream.labels(labels);
    const shared = this.#shared.labels(labels);
    const queueWait = this.#queueWait.labels({ server });
    const retries = this.#retries.labels({ server });
    const outcomes = new Map<string, Counter.Internal>();
    const cache = new Map<CacheResult, Counter.Internal>();
    return {
      answered: (outcome, seconds) => {
        bound(outcomes, outcome, () => this.#requests.labels({ ...labels, outcome })).inc();
        duration.observe(seconds);
      },
      upstream: (seconds) => {
        upstream.observe(seconds);
      },
      cache: (result) => {
        bound(cache, result, () => this.#cache.labels({ ...labels, result })).inc();
      },
      shared: () => {
        shared.inc();
      },
      waited: (seconds) => {
        queueWait.observe(seconds);
      },
      retried: () => {
        retries.inc();
      },
    };
  }

  /** Counts a rejected request. */
  rejected(reason: Rejection): void {
    this.#rejected.inc({ reason });
  }

  /** Counts a failed connection. */
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

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The Prometheus metrics of an app's own routes. */
export class HttpInstruments {
  readonly #requests: Counter<'route' | 'method' | 'status'>;
  readonly #duration: Histogram<'route' | 'method'>;

  /** @throws ConfigError if the registry has metrics of these names */
  constructor(registry: Registry, prefix: string) {
    const names = new MetricNames(registry, prefix);
    const requests = names.take('http_requests_total', 'Requests by status.', ['route', 'method', 'status']);
    const duration = names.take('http_request_duration_seconds', 'From a request to its response.', [
      'route',
      'method',
    ]);
    this.#requests = new Counter(requests);
    this.#duration = new Histogram(duration);
  }

  /** Counts a request that has ended. */
  answered(route: string, request: { readonly method: string; readonly status: string }, seconds: number): void {
    // Clients may send any method: the number of label values must be bounded.
    const method = METHODS.has(request.method) ? request.method : 'other';
    this.#requests.inc({ route, method, status: request.status });
    this.#duration.observe({ route, method }, seconds);
  }
}
