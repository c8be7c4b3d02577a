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
  // A registry has one format: a view of it, with its default labels, has the other. The view has metric objects of its own,
  // as prom-client renames a counter for good when it writes it so.
  const view = Object.create(registry) as Registry;
  view.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  view.getMetricsAsArray = () => registry.getMetricsAsArray().map((metric) => Object.create(metric) as typeof metric);
  return { contentType: view.contentType, body: await view.metrics() };
}
