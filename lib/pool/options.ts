import { ConfigError } from '../errors';
import type { PoolEvent } from './events';

/** When calls are refused at once because there were connections and none can be opened any more. */
export interface BreakerOptions {
  /** How many calls in a row must have found no connection. @defaultValue 5 */
  readonly threshold?: number | undefined;
  /** How long calls are then refused, in milliseconds; doubled up to 30 s while it stays so. @defaultValue 5000 */
  readonly cooldownMs?: number | undefined;
}

/** How a pool of connections behaves. `undefined` means the default. */
export interface PoolOptions {
  /** Connections that are kept even when idle. @defaultValue 2 */
  readonly minConnections?: number | undefined;
  /** Connections at most. @defaultValue 10 */
  readonly maxConnections?: number | undefined;
  /** How long a connection beyond the minimum may be idle, in milliseconds. @defaultValue 300000 */
  readonly maxIdleMs?: number | undefined;
  /** Calls on one connection at a time. @defaultValue 64 */
  readonly maxInFlightPerConnection?: number | undefined;
  /**
   * How long every connection must have been at its oldest call before another is opened, in milliseconds; measured to
   * half of it, never shorter. @defaultValue 20
   */
  readonly growAfterMs?: number | undefined;
  /** How long opening a connection may take, in milliseconds. @defaultValue 30000 */
  readonly connectTimeoutMs?: number | undefined;
  /** How long a caller waits for a connection, in milliseconds. @defaultValue 30000 */
  readonly acquireTimeoutMs?: number | undefined;
  /** Callers that may wait for a connection at a time. @defaultValue 1000 */
  readonly maxWaiting?: number | undefined;
  /** How often idle connections are pinged, in milliseconds. @defaultValue 60000 */
  readonly healthCheckIntervalMs?: number | undefined;
  /** How long an answer to a ping may take, in milliseconds. @defaultValue 5000 */
  readonly pingTimeoutMs?: number | undefined;
  /** When calls are refused with `MCPO_BREAKER_OPEN`. @defaultValue never */
  readonly breaker?: BreakerOptions | undefined;
  /** Told of connections opened, closed and failed; what it throws becomes a process warning. @defaultValue none */
  readonly onEvent?: ((event: PoolEvent) => void) | undefined;
}

/** Pool options, complete and checked. */
export type PoolConfig = { readonly [K in Exclude<keyof PoolOptions, 'breaker' | 'onEvent'>]-?: number };

const DEFAULTS: PoolConfig = {
  minConnections: 2,
  maxConnections: 10,
  maxIdleMs: 300_000,
  maxInFlightPerConnection: 64,
  growAfterMs: 20,
  connectTimeoutMs: 30_000,
  acquireTimeoutMs: 30_000,
  maxWaiting: 1_000,
  healthCheckIntervalMs: 60_000,
  pingTimeoutMs: 5_000,
};

const MAY_BE_ZERO: ReadonlySet<string> = new Set(['minConnections', 'maxWaiting']);

/** The longest delay a Node timer takes; a longer one fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Completes and checks pool options.
 *
 * @param path - what error messages call the options
 * @throws ConfigError for a value that cannot work
 */
export function poolConfig(options: PoolOptions = {}, path = 'pool'): PoolConfig {
  const config: Record<keyof PoolConfig, number> = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as (keyof PoolConfig)[]) {
    config[name] = checkedInteger(`${path}.${name}`, options[name] ?? DEFAULTS[name], MAY_BE_ZERO.has(name) ? 0 : 1);
  }
  if (options.minConnections === undefined) {
    config.minConnections = Math.min(config.minConnections, config.maxConnections);
  }
  if (config.minConnections > config.maxConnections) {
    const remedy = `must not be more than ${path}.maxConnections (${config.maxConnections})`;
    throw new ConfigError(`${path}.minConnections`, remedy, { value: config.minConnections });
  }
  return config;
}

/** `value`, when it is an integer from `least` on that a timer takes; throws ConfigError otherwise. */
export function checkedInteger(path: string, value: unknown, least: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= MAX_DELAY_MS) return value;
  throw new ConfigError(path, `must be an integer from ${least} to ${MAX_DELAY_MS}`, { value });
}
