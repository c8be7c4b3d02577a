import { type MetricConfiguration, Registry, collectDefaultMetrics } from 'prom-client';
import { ConfigError } from '../errors';

export type { Registry };

/** The host's registry, or a new one; `withDefaults` adds Node's own metrics, if they are not there yet. */
export function registryOf(host: Registry | undefined, withDefaults: boolean): Registry {
  const register = host ?? new Registry();
  if (withDefaults && !register.getSingleMetric('process_cpu_user_seconds_total')) collectDefaultMetrics({ register });
  return register;
}

/** The metrics of one router in a registry, which may be the host's. */
export class MetricNames {
  readonly #registry: Registry;
  readonly #prefix: string;
  readonly #taken: string[] = [];

  constructor(registry: Registry, prefix: string) {
    this.#registry = registry;
    this.#prefix = prefix;
  }

  /** Takes the name of a metric. Throws a ConfigError if the registry has a metric of this name. */
  take<L extends string>(suffix: string, help: string, labels: readonly L[]): MetricConfiguration<L> {
    const name = this.#prefix + suffix;
    if (this.#registry.getSingleMetric(name)) {
      this.release();
      const remedy = 'has metrics of this name already: give each router a metrics.prefix of its own';
      throw new ConfigError('metrics.register', remedy, { value: name });
    }
    this.#taken.push(name);
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }

  /** Removes all metrics from the registry. */
  release(): void {
    for (const name of this.#taken.splice(0)) this.#registry.removeSingleMetric(name);
  }
}

/** Metrics in the Prometheus or OpenMetrics text format. */
export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/** All metrics of a registry, also the host's own: OpenMetrics if `Accept` asks for it, else the Prometheus format. */
export async function exposition(registry: Registry, accept = ''): Promise<Exposition> {
  if (!/application\/openmetrics-text/i.test(accept)) {
    return { contentType: registry.contentType, body: await registry.metrics() };
  }
  // A registry has one format: a derived view has the other. Its metrics are derived too, as prom-client permanently renames
  // counters when it writes them in this format.
  const view = Object.create(registry) as Registry;
  view.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  view.getMetricsAsArray = () => registry.getMetricsAsArray().map((metric) => Object.create(metric) as typeof metric);
  return { contentType: view.contentType, body: await view.metrics() };
}
