import { ConfigError } from '../errors';
import { checkInteger } from '../util/checks';
import { isObject } from '../util/json-object';
import type { AlertThresholds } from './alerts';

/** Options of a {@link PerformanceMonitor}. `undefined` means the default. */
export interface MonitorOptions {
  /** Size of the sliding window: the latest requests, and cache look-ups, of each tool. @defaultValue 1000 */
  readonly windowSize?: number | undefined;
  /** Thresholds of the alerts. `false` switches all of them off. @defaultValue `failing` alone */
  readonly alerts?: AlertOptions | false | undefined;
}

/** The thresholds of alerts; `false` disables one kind. */
export interface AlertOptions {
  /** Alert `slow`: average duration above this, in seconds. @defaultValue off */
  readonly slowSeconds?: number | false | undefined;
  /** Alert `failing`: success rate below this, in percent. @defaultValue 95 */
  readonly failingPercent?: number | false | undefined;
  /** Alert `cold`: cache hit rate below this, in percent. @defaultValue off */
  readonly coldPercent?: number | false | undefined;
  /**
   * Alert `anomaly`: p95 duration above this multiple of the tool's moving baseline, and above it by at least 10 ms and twice the
   * baseline's spread.
   * @defaultValue off
   */
  readonly anomalyFactor?: number | false | undefined;
}

/** Validated monitor options with their defaults. */
export interface MonitorConfig {
  readonly windowSize: number;
  readonly thresholds: AlertThresholds;
}

/** The window of one tool then takes some 10 MB. */
export const MAX_WINDOW_SIZE = 1_000_000;

/** Validates monitor options and adds the defaults. */
export function monitorConfig({ windowSize, alerts = {} }: MonitorOptions = {}, path = 'monitor'): MonitorConfig {
  return {
    windowSize: checkInteger(`${path}.windowSize`, windowSize, 1, 1_000, MAX_WINDOW_SIZE),
    thresholds: thresholds(alerts, `${path}.alerts`),
  };
}

function thresholds(alerts: unknown, path: string): AlertThresholds {
  if (alerts === false) return { slow: false, failing: false, cold: false, anomaly: false };
  if (!isObject(alerts)) throw new ConfigError(path, 'must be an object or false', { value: alerts });
  const { slowSeconds, failingPercent, coldPercent, anomalyFactor } = alerts as AlertOptions;
  return {
    slow: threshold(`${path}.slowSeconds`, slowSeconds, false, 0, Infinity),
    failing: threshold(`${path}.failingPercent`, failingPercent, 95, 0, 100),
    cold: threshold(`${path}.coldPercent`, coldPercent, false, 0, 100),
    anomaly: threshold(`${path}.anomalyFactor`, anomalyFactor, false, 1, Infinity),
  };
}

/** A finite number above `above`, at most `max`, or `false`. */
function threshold(
  path: string,
  value: number | false | undefined,
  fallback: number | false,
  above: number,
  max: number,
): number | false {
  if (value === undefined) return fallback;
  if (value === false || (Number.isFinite(value) && value > above && value <= max)) return value;
  const range = max === Infinity ? '' : ` and at most ${max}`;
  throw new ConfigError(path, `must be a number above ${above}${range}, or false`, { value });
}
