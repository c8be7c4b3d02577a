import { ConfigError } from '../errors';
import type { PoolEvent } from './events';

/** Circuit breaker: refuses calls at once where connections were open and no further one can be opened. */
export interface BreakerOptions {
  /** Calls in a row without a connection that open the breaker. @defaultValue 5 */
  readonly threshold?: number | undefined;
  /** Time the breaker stays open, in milliseconds. Doubles up to 30 s while the server stays down. @defaultValue 5000 */
  readonly cooldownMs?: number | undefined;
}

/** How a pool of connections behaves. `undefined` means the default. */
export interface PoolOptions {
  /** Connections to keep open, even when idle. @defaultValue 2, at most `maxConnections` */
  readonly minConnections?: number | undefined;
  /**
   * Largest number of connections. More than one suits a server whose processes share no memory, files, locks or ports.
   * @defaultValue 1
   */
  readonly maxConnections?: number | undefined;
  /**
   * Idle time after which a connection beyond the minimum, or one of a caller's own, is closed, in milliseconds.
   * @defaultValue 300000
   */
  readonly maxIdleMs?: number | undefined;
  /** Calls in flight on one connection. @defaultValue 100 */
  readonly maxInFlightPerConnection?: number | undefined;
  /**
   * Opens another connection when every one has had a call running for longer than this, in milliseconds.
   * @defaultValue 250
   */
  readonly growAfterMs?: number | undefined;
  /**
   * Time-out for opening a connection: process start, MCP handshake and first list of tools, in milliseconds.
   * @defaultValue 30000
   */
  readonly connectTimeoutMs?: number | undefined;
  /** Time a call waits for a connection, in milliseconds. @defaultValue 30000 */
  readonly acquireTimeoutMs?: number | undefined;
  /** Calls that may wait for a connection. @defaultValue 1000 */
  readonly maxWaiting?: number | undefined;
  /** Interval of pings to connections that have not answered anything lately, in milliseconds. @defaultValue 60000 */
  readonly healthCheckIntervalMs?: number | undefined;
  /**
   * Time without any message, counted from a ping, after which a connection is replaced, in milliseconds. While it is silent,
   * calls go to other connections. @defaultValue `timeoutMs` of the server, 60000 in a pool of your own
   */
  readonly pingTimeoutMs?: number | undefined;
  /**
   * Whether a connection holds what must not be lost. When one has died, the next call is refused with `MCPO_SERVER_DOWN`, so
   * that no caller takes a new connection for the old one. @defaultValue false
   */
  readonly stateful?: boolean | undefined;
  /** When calls are refused with `MCPO_BREAKER_OPEN`. @defaultValue never */
  readonly breaker?: BreakerOptions | undefined;
  /**
   * Waits for the turn to open a connection, for which `connectTimeoutMs` does not count.
   * @defaultValue each at once
   */
  readonly takeTurn?: ((signal: AbortSignal, isWanted: () => boolean) => Promise<() => void>) | undefined;
  /** Told of connections opened, closed and failed; what it throws becomes a process warning. @defaultValue none */
  readonly onEvent?: ((event: PoolEvent) => void) | undefined;
}

/** Pool options, complete and checked. */
export type PoolConfig = {
  readonly [K in Exclude<keyof PoolOptions, 'breaker' | 'onEvent' | 'stateful' | 'takeTurn'>]-?: number;
};

const DEFAULTS: PoolConfig = {
  minConnections: 2,
  maxConnections: 1,
  maxIdleMs: 300_000,
  maxInFlightPerConnection: 100,
  growAfterMs: 250,
  connectTimeoutMs: 30_000,
  acquireTimeoutMs: 30_000,
  maxWaiting: 1_000,
  healthCheckIntervalMs: 60_000,
  pingTimeoutMs: 60_000,
};

const MAY_BE_ZERO: ReadonlySet<string> = new Set(['minConnections', 'maxWaiting']);

/** The longest delay a Node timer takes; a longer one fires at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Completes and checks pool options; errors name them below `path`. @throws ConfigError */
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
