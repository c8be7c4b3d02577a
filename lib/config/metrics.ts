import { ConfigError } from '../errors';
import type { MetricsOptions } from '../options';
import { checkBoolean, checkOptions, checkString } from '../util/checks';

/** Prometheus metrics. */
export interface MetricsConfig {
  readonly prefix: string;
  /** `undefined`: one of the router's own. */
  readonly register: MetricsOptions['register'];
  readonly defaultMetrics: boolean;
}

/** Checks the `metrics` option. */
export function metricsConfig(value: unknown): MetricsConfig {
  const { prefix, register, defaultMetrics } = checkOptions('metrics', value, ['prefix', 'register', 'defaultMetrics']);
  const name = prefix === undefined ? 'mcpo_' : checkString('metrics.prefix', prefix);
  // What Prometheus allows a metric's name to begin with.
  if (!/^[a-zA-Z_:][\w:]*$/.test(name)) {
    throw new ConfigError('metrics.prefix', 'must consist of letters, digits, _ and :, and not begin with a digit', {
      value: prefix,
    });
  }
  if (register !== undefined && !isRegistry(register)) {
    throw new ConfigError('metrics.register', 'must be a Registry of prom-client', { value: register });
  }
  return {
    prefix: name,
    register,
    defaultMetrics: checkBoolean('metrics.defaultMetrics', defaultMetrics, false),
  };
}

/** By what it does: the host may have a prom-client of its own. */
function isRegistry(value: unknown): value is NonNullable<MetricsOptions['register']> {
  return typeof value === 'object' && value !== null && 'registerMetric' in value && 'getSingleMetric' in value;
}
