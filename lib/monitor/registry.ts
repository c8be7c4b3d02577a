import { Registry, collectDefaultMetrics } from 'prom-client';

export type { Registry };

/**
 * The host's registry, or a new one; with Node's own metrics, unless it has them already.
 *
 * @param withDefaults - whether Node's own metrics are wanted
 */
export function registryOf(host: Registry | undefined, withDefaults: boolean): Registry {
  const register = host ?? new Registry();
  if (withDefaults && !register.getSingleMetric('process_cpu_user_seconds_total')) collectDefaultMetrics({ register });
  return register;
}
