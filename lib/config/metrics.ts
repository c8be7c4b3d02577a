import { ConfigError } from '../errors';
import type { MetricsOptions } from '../options';
import { checkBoolean, checkOptions, checkString } from '../util/checks';

/** Validated `metrics` options. */
export interface MetricsConfig {
  readonly prefix: string;
  /** `undefined`: the router makes its own. */
  readonly register: MetricsOptions['register'];
  readonly defaultMetrics: boolean;
}

/** Validates the `metrics` option. */
export function metricsConfig(value: unknown): MetricsConfig {
  const { prefix, register, defaultMetrics } = checkOptions('metrics', value, ['prefix', 'register', 'defaultMetrics']);
  const name = prefix === undefined ? 'mcpo_' : checkString('metrics.prefix', prefix);
  if (!/^[a-zA-Z_:][\w:]*$/.test(name)) {
    throw new ConfigError('metrics.prefix', 'must consist of letters, digits, _ and :, and not begin with a digit', {
      value: prefix,
    });
  }
  if (register !== undefined && !isRegistry(register)) {
    throw new ConfigError('metrics.register', 'must be a Registry of prom-client', { value: register });
  }
  return { prefix: name, register, defaultMetrics: checkBoolean('metrics.defaultMetrics', defaultMetrics, false) };
}

/** Not by `instanceof`: the host may have another copy of prom-client. */
function isRegistry(value: unknown): value is NonNullable<MetricsOptions['register']> {
  return typeof value === 'object' && value !== null && 'registerMetric' in value && 'getSingleMetric' in value;
}
