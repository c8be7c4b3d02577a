import { Counter, Histogram, type Registry } from 'prom-client';
import { gauges, type Sources } from './gauges';
import { Names } from './names';

/** Seconds; from a hit in the cache to a call that is nearly late. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Why requests are refused to protect the rest. */
export const REJECTIONS = ['queue_full', 'queue_timeout', 'pool_exhausted', 'breaker_open', 'closing'] as const;
type Rejection = (typeof REJECTIONS)[number];

const CONNECTION_ERRORS = ['connect', 'died', 'ping', 'close'] as const;
/** What goes wrong with a connection. */
export type ConnectionError = (typeof CONNECTION_ERRORS)[number];

/** Whether a result came from the cache: `bypass` is not looked up. */
export type CacheResult = 'hit' | 'miss' | 'bypass';

/** The instruments of one tool, with their labels bound. */
export interface ToolInstruments {
  /** A request has been answered, or its caller has gone. */
  answered(outcome: string, seconds: number): void;
  /** The MCP server has answered a call, or failed to. */
  upstream(seconds: number): void;
  cache(result: CacheResult): void;
  /** A caller has joined a call in flight. */
  shared(): void;
  /** A call has got its permit. */
  waited(seconds: number): void;
  /** A call is tried again. */
  retried(): void;
}

/** The Prometheus metrics of one router. */
export class Instruments {
  readonly #names: Names;
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
   * @param registry - where they are registered
   * @param prefix - what their names begin with
   * @throws ConfigError when the registry has metrics of these names, or the prefix is not one
   */
  constructor(registry: Registry, prefix: string, sources: Sources) {
    const names = new Names(registry, prefix);
    const counter = <L extends string>(name: string, help: string, labels: readonly L[]): Counter<L> =>
      new Counter(names.take(name, help, labels));
    const histogram = <L extends string>(name: string, help: string, labels: readonly L[]): Histogram<L> =>
      new Histogram({ ...names.take(name, help, labels), buckets: BUCKETS });

    const tool = ['server', 'tool'] as const;
    this.#names = names;
    this.#requests = counter('tool_requests_total', 'Requests to tools, by how they ended.', [...tool, 'outcome']);
    this.#duration = histogram('tool_request_duration_seconds', 'From a request to its answer.', tool);
    this.#upstream = histogram('tool_upstream_duration_seconds', 'Calls of MCP servers, retries included.', tool);
    this.#queueWait = histogram('queue_wait_seconds', 'How long calls waited for a permit.', ['server']);
    this.#cache = counter('cache_requests_total', 'Requests by what the cache had.', [...tool, 'result']);
    this.#shared = counter('shared_calls_total', 'Requests that joined a call in flight.', tool);
    this.#rejected = counter('rejected_total', 'Requests refused to protect the rest.', ['reason']);
    this.#retries = counter('retries_total', 'Tries after the first.', ['server']);
    this.#connectionErrors = counter('connection_errors_total', 'Connections that failed.', ['server', 'reason']);
    gauges(names, sources);
    this.#beginAtZero([...sources.servers()].map(([server]) => server));
  }

  /** Those of a tool. */
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

  /** A request has been refused. */
  rejected(reason: Rejection): void {
    this.#rejected.inc({ reason });
  }

  /** A connection to a server could not be made or was lost. */
  connectionFailed(server: string, reason: ConnectionError): void {
    this.#connectionErrors.inc({ server, reason });
  }

  /** Takes them out of the registry. */
  close(): void {
    this.#names.release();
  }

  /** What is not there cannot be seen to grow: the first refusal would be no increase. */
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
