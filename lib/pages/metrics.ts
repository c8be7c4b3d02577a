import type { IncomingMessage } from 'node:http';
import type { Acceleration } from '../calls/acceleration';
import { send } from '../http/response';
import type { ServerRegistry } from '../servers/registry';
import type { Alert } from '../monitor/alerts';
import type { PerformanceMonitor } from '../monitor/performance-monitor';
import type { Exposition } from '../monitor/registry';
import type { PerformanceStats } from '../monitor/track';
import type { ServerStatus } from '../servers/status';
import { type Health, healthOf, shownStates } from './health';
import type { Page } from './pages';

/** The JSON of `/metrics`, in MCPO's form. Durations are in seconds, rates in percent. */
export interface MetricsJson {
  /** By `server/tool`, for tools that have been called, and `overall`. */
  readonly performance: Readonly<Record<string, PerformanceStats>>;
  /** The limit on all calls. */
  readonly concurrency: {
    readonly max_concurrent: number;
    readonly current_concurrent: number;
    readonly peak_concurrent: number;
    /** Calls that wait for a permit of this limit, or of that of a server or tool. */
    readonly waiting: number;
  };
  /** By name; unknown values are `null`. */
  readonly cache: Readonly<Record<string, CacheJson>>;
  /** The MCP servers. */
  readonly connection: {
    readonly status: Health;
    readonly error_count: number;
    readonly servers: Readonly<Record<string, ServerStatus>>;
  };
  /** The active alerts. */
  readonly alerts: readonly Alert[];
  /** In ISO 8601. */
  readonly timestamp: string;
}

/** One cache in {@link MetricsJson}. */
export interface CacheJson {
  /** Look-ups that found a result. */
  readonly hits: number;
  /** Look-ups that found nothing. */
  readonly misses: number;
  /** Hits in percent of all look-ups. */
  readonly hit_rate: number;
  /** Cached results. */
  readonly current_size: number | null;
  /** Bytes of cached results. */
  readonly memory_usage: number | null;
}

/** The current metrics in JSON. `isSecured`: whether credentials are required to read them. */
export function metricsJson(
  monitor: PerformanceMonitor,
  { cache, limits }: Pick<Acceleration, 'cache' | 'limits'>,
  registry: ServerRegistry,
  isSecured: boolean,
): MetricsJson {
  const { waiting } = limits;
  const { maxConcurrent, current, peak } = limits.global;
  const servers = shownStates(registry, isSecured);
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

/** `GET /metrics`: text for Prometheus; JSON for `Accept: application/json` or `?format=json`. */
export function metricsPage(text: (accept: string | undefined) => Promise<Exposition>, json: () => unknown): Page {
  return async function metrics(req, res) {
    const headers = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };
    if (wantsJson(req)) {
      send(req, res, 200, { ...headers, 'Content-Type': 'application/json' }, JSON.stringify(json()));
      return;
    }
    const { contentType, body } = await text(req.headers.accept);
    send(req, res, 200, { ...headers, 'Content-Type': contentType }, body);
  };
}

/** A scraper accepts many types, and JSON may be the last of them. */
function wantsJson({ url = '', headers: { accept = '' } }: IncomingMessage): boolean {
  if (/[?&]format=json(?:&|$)/.test(url)) return true;
  return accept.includes('application/json') && !/text\/plain|openmetrics/.test(accept);
}
