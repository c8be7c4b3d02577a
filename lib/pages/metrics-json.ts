import type { Acceleration } from '../calls/acceleration';
import type { ServerRegistry } from '../servers/registry';
import type { Alert } from '../monitor/alerts';
import type { PerformanceMonitor } from '../monitor/performance-monitor';
import type { PerformanceStats } from '../monitor/track';
import type { ServerStatus } from '../servers/status';
import { type Health, healthOf, serverStates } from './health';

/** What `/metrics` says in JSON, in MCPO's form; durations are in seconds, rates in percent. */
export interface MetricsJson {
  /** By `server/tool`, of those that have been called, and `overall`. */
  readonly performance: Readonly<Record<string, PerformanceStats>>;
  /** The limit on all calls. */
  readonly concurrency: {
    readonly max_concurrent: number;
    readonly current_concurrent: number;
    readonly peak_concurrent: number;
    readonly waiting: number;
  };
  /** By name; what a store cannot tell is `null`. */
  readonly cache: Readonly<Record<string, CacheJson>>;
  /** The MCP servers. */
  readonly connection: {
    readonly status: Health;
    readonly error_count: number;
    readonly servers: Readonly<Record<string, ServerStatus>>;
  };
  /** What is wrong now. */
  readonly alerts: readonly Alert[];
  /** In ISO 8601. */
  readonly timestamp: string;
}

/** One cache in {@link MetricsJson}. */
export interface CacheJson {
  /** Look-ups that found a result. */
  readonly hits: number;
  /** Look-ups that found none. */
  readonly misses: number;
  /** Hits among all look-ups, in percent. */
  readonly hit_rate: number;
  /** Results that are kept. */
  readonly current_size: number | null;
  /** Bytes that are kept. */
  readonly memory_usage: number | null;
}

/** Everything that there is to tell, now. */
export function metricsJson(
  monitor: PerformanceMonitor,
  { cache, limits }: Pick<Acceleration, 'cache' | 'limits'>,
  registry: ServerRegistry,
): MetricsJson {
  const { maxConcurrent, current, peak, waiting } = limits.global;
  const servers = serverStates(registry);
  return {
    performance: monitor.all(),
    concurrency: { max_concurrent: maxConcurrent, current_concurrent: current, peak_concurrent: peak, waiting },
    cache: Object.fromEntries(
      Object.entries(cache.stats).map(([name, { hits, misses, hitRate, size, bytes }]) => {
        const known = { current_size: size ?? null, memory_usage: bytes ?? null };
        return [name, { hits, misses, hit_rate: hitRate, ...known }];
      }),
    ),
    connection: {
      status: healthOf(registry),
      error_count: Object.values(servers).reduce((sum, { errors }) => sum + errors, 0),
      servers,
    },
    alerts: monitor.alerts,
    timestamp: new Date().toISOString(),
  };
}
