import { ConfigError } from '../errors';
import { tell, warnOnce } from '../util/listeners';

/** Part of a command: a text, or bytes. */
export type RedisArgument = string | Buffer;

/** Where messages of a fleet go. */
export interface FleetLogger {
  /** Redis is used again. */
  info(fields: object, message: string): void;
  /** Redis is not used any more. */
  warn(fields: object, message: string): void;
}

/** What an instance keeps in its own memory, in front of Redis. */
export interface LocalOptions {
  /** Number of results, for each cache. @defaultValue 1000 */
  readonly maxSize?: number | undefined;
  /** Total size in bytes, for each cache. @defaultValue 16777216 (16 MiB) */
  readonly maxBytes?: number | undefined;
  /**
   * Time in milliseconds for which a result is served without asking Redis about writes of other instances.
   * @defaultValue 0, every look-up asks
   */
  readonly maxStaleMs?: number | undefined;
}

/** Options of {@link redisFleet}. `undefined` means the default. */
export interface RedisFleetOptions {
  /**
   * Sends a command with your own client. Resolves with the reply, bulk strings as Buffers; rejects when Redis answers
   * with an error. Required.
   */
  readonly sendCommand: (args: readonly RedisArgument[]) => Promise<unknown>;
  /**
   * Listens to a channel on a connection of its own. Resolves with a function that stops. Without it, an instance that
   * waits for another one's call asks every 50 ms.
   * @defaultValue none
   */
  readonly subscribe?:
    | ((channel: string, listener: (message: string | Buffer) => void) => Promise<() => Promise<void> | void>)
    | undefined;
  /** Prefix of keys and channels. Instances with the same prefix share. @defaultValue `'mcpo:'` */
  readonly prefix?: string | undefined;
  /** Time a call waits for one command, in milliseconds, 1 to 500. @defaultValue 100 */
  readonly timeoutMs?: number | undefined;
  /** Compresses bodies larger than this, in bytes. @defaultValue 16384 */
  readonly compressAboveBytes?: number | undefined;
  /**
   * Time after which others take over the call of an instance that has died, in milliseconds, at least 100.
   * @defaultValue 5000
   */
  readonly leaseMs?: number | undefined;
  /** Memory tier in front of Redis. `false` switches it off. @defaultValue on */
  readonly local?: false | LocalOptions | undefined;
  /** Receives one entry when Redis fails and one when it works again. @defaultValue warnings to the console */
  readonly logger?: FleetLogger | undefined;
}

/** Options of a fleet, complete and checked. */
export interface FleetConfig {
  readonly sendCommand: RedisFleetOptions['sendCommand'];
  readonly subscribe: NonNullable<RedisFleetOptions['subscribe']> | undefined;
  /** The option, and the format. */
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly compressAboveBytes: number;
  readonly leaseMs: number;
  readonly local: { readonly maxSize: number; readonly maxBytes: number; readonly maxStaleMs: number } | undefined;
  readonly logger: FleetLogger;
}

/** How what is in Redis is written: instances that write in different ways share nothing. */
const FORMAT = 1;

const OPTIONS = 'sendCommand subscribe prefix timeoutMs compressAboveBytes leaseMs local logger'.split(' ');
const LOCAL_OPTIONS = ['maxSize', 'maxBytes', 'maxStaleMs'];

const CONSOLE: FleetLogger = {
  info: () => undefined,
  warn: (...data) => {
    console.warn(...data);
  },
};

/**
 * Completes and checks the options of a fleet.
 *
 * @throws ConfigError for an unknown key, a wrong type or an impossible value
 */
export function fleetConfig(options: RedisFleetOptions): FleetConfig {
  known('redisFleet', options, OPTIONS);
  const { sendCommand, subscribe, prefix = 'mcpo:', local = {}, logger = CONSOLE } = options;
  if (typeof sendCommand !== 'function') {
    throw new ConfigError('redisFleet.sendCommand', 'must be a function', { value: sendCommand });
  }
  if (subscribe !== undefined && typeof subscribe !== 'function') {
    throw new ConfigError('redisFleet.subscribe', 'must be a function', { value: subscribe });
  }
  if (typeof prefix !== 'string') throw new ConfigError('redisFleet.prefix', 'must be a string', { value: prefix });
  if (local !== false) known('redisFleet.local', local, LOCAL_OPTIONS);
  return {
    sendCommand,
    subscribe,
    prefix: `${prefix}${FORMAT}:`,
    timeoutMs: integer('timeoutMs', options.timeoutMs, 1, 100, 500),
    compressAboveBytes: integer('compressAboveBytes', options.compressAboveBytes, 0, 16_384),
    leaseMs: integer('leaseMs', options.leaseMs, 100, 5_000),
    local:
      local === false
        ? undefined
        : {
            maxSize: integer('local.maxSize', local.maxSize, 1, 1_000),
            maxBytes: integer('local.maxBytes', local.maxBytes, 1, 2 ** 24),
            maxStaleMs: integer('local.maxStaleMs', local.maxStaleMs, 0, 0),
          },
    logger: guarded(logger),
  };
}

/** A logger that fails must not keep Redis from being used again. */
function guarded(logger: FleetLogger): FleetLogger {
  const failed = warnOnce('mcpo: the logger of redisFleet failed');
  return {
    info: (fields, message) => tell(() => logger.info(fields, message), failed),
    warn: (fields, message) => tell(() => logger.warn(fields, message), failed),
  };
}

function known(path: string, value: unknown, keys: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw new ConfigError(path, 'must be an object', { value });
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) throw new ConfigError(`${path}.${key}`, `is not an option; known are ${keys.join(', ')}`);
  }
}

function integer(name: string, value: number | undefined, min: number, fallback: number, max = 2 ** 31 - 1): number {
  if (value === undefined) return fallback;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new ConfigError(`redisFleet.${name}`, `must be an integer from ${min} to ${max}`, { value });
}
