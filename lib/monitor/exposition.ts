import { Registry } from 'prom-client';

/** A text that a Prometheus server reads. */
export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

const OPEN_METRICS = /application\/openmetrics-text/i;

/**
 * The metrics of a registry, the host's own included, as text: OpenMetrics where `accept` asks for it, else the Prometheus
 * format.
 *
 * @param accept - the request's `Accept` header
 */
export async function exposition(registry: Registry, accept = ''): Promise<Exposition> {
  if (!OPEN_METRICS.test(accept)) return { contentType: registry.contentType, body: await registry.metrics() };
  // A registry has one format: another one shows the same metrics in the other. It gets objects of its own, as prom-client
  // renames a counter for good when it writes it.
  const view = new Registry();
  view.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  for (const metric of registry.getMetricsAsArray()) view.registerMetric(Object.create(metric) as never);
  return { contentType: view.contentType, body: await view.metrics() };
}
