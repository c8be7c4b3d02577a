import type { Acceleration } from '../calls/acceleration';
import type { Config } from '../config/config';
import type { ServerRegistry } from '../servers/registry';
import { Instruments, type ServerNumbers, type Sources } from '../monitor/instruments';
import { PerformanceMonitor } from '../monitor/performance-monitor';
import { type Registry, exposition, registryOf } from '../monitor/registry';
import { type MetricsJson, metricsJson, metricsPage } from '../pages/metrics';
import type { Page } from '../pages/pages';
import type { BufferedBytes } from '../util/buffered-bytes';
import { Telemetry } from './telemetry';

const BREAKER = { closed: 0, 'half-open': 1, open: 2 } as const;

/** The metrics and statistics of a router. */
export interface Observability {
  readonly monitor: PerformanceMonitor;
  readonly registry: Registry;
  readonly telemetry: Telemetry;
  /** `/metrics`. */
  readonly page: Page;
  readonly json: () => MetricsJson;
  /** Stops its timers and removes its metrics from the host's registry. */
  close(): void;
}

/**
 * Throws a ConfigError if the host's registry has metrics of these names. `isSecured`: whether credentials are required to read
 * the pages.
 */
export function observability(
  config: Config,
  servers: ServerRegistry,
  acceleration: Acceleration,
  buffers: BufferedBytes,
  isSecured: boolean,
): Observability {
  const { metrics, logger } = config;
  const monitor = new PerformanceMonitor(config.monitor);
  const registry = registryOf(metrics.register, metrics.defaultMetrics);
  const instruments = new Instruments(registry, metrics.prefix, sources(servers, acceleration, buffers));
  const telemetry = new Telemetry(monitor, instruments, logger);
  servers.onConnectionFailed((server, reason) => telemetry.connectionFailed(server, reason));
  monitor.on('alert', ({ level, state, message }) => {
    logger[state === 'firing' ? level : 'info'](`mcpo: ${message}`);
  });
  const json = (): MetricsJson => metricsJson(monitor, acceleration, servers, isSecured);
  return {
    monitor,
    registry,
    telemetry,
    page: metricsPage((accept) => exposition(registry, accept), json),
    json,
    close() {
      monitor.close();
      instruments.close();
    },
  };
}

function sources(
  servers: ServerRegistry,
  { cache, freshness, fleet, limits }: Acceleration,
  buffers: BufferedBytes,
): Sources {
  return {
    caches: () => Object.entries(cache.stats),
    stores: () => {
      const caches = Object.entries(cache.stats).map(([name, { health }]) => [`cache:${name}`, health] as const);
      const all = [...caches, ['share', fleet?.health] as const];
      return all.flatMap(([name, health]) => (health ? [[name, health] as const] : []));
    },
    concurrency: () => {
      const { maxConcurrent, current } = limits.global;
      return { limit: maxConcurrent, inFlight: current, waiting: limits.waiting };
    },
    buffered: () => buffers.held,
    servers: () =>
      servers.all.map((server) => {
        const { idle, busy, opening, waiting } = server.connections;
        const numbers: ServerNumbers = {
          ...{ idle, busy, opening, waiting },
          isUp: server.state === 'up',
          uncheckedCalls: server.catalogue.uncheckedCalls,
          breaker: BREAKER[server.breaker],
          isUnsettled: !freshness.isSettled(server.config.cache.group),
        };
        return [server.name, numbers] as const;
      }),
  };
}
