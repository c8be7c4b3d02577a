import { ConfigError } from '../errors';
import { checkFunction, checkInteger, checkObject } from '../util/checks';
import { tell, warnOnce } from '../util/listeners';

/** An argument of a command. */
export type RedisArgument = string | Buffer;

/** The logger of a fleet. */
export interface FleetLogger {
  /** Called when Redis is used again. */
  info(fields: object, message: string): void;
  /** Called when Redis is not used any more. */
  warn(fields: object, message: string): void;
}

/** The cache in an instance's own memory, in front of Redis. */
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

/** Validated options of a fleet with their defaults. */
export interface FleetConfig {
  readonly sendCommand: RedisFleetOptions['sendCommand'];
  readonly subscribe: NonNullable<RedisFleetOptions['subscribe']> | undefined;
  /** The option with the format. */
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly compressAboveBytes: number;
  readonly leaseMs: number;
  readonly local: { readonly maxSize: number; readonly maxBytes: number; readonly maxStaleMs: number } | undefined;
  readonly logger: FleetLogger;
}

/** The version of the encoding in Redis. Instances with different versions share nothing. */
const FORMAT = 1;

const OPTIONS = 'sendCommand subscribe prefix timeoutMs compressAboveBytes leaseMs local logger'.split(' ');
const LOCAL_OPTIONS = ['maxSize', 'maxBytes', 'maxStaleMs'];

const CONSOLE: FleetLogger = { info: () => undefined, warn: (...data) => console.warn(...data) };

/** Validates the options of a fleet and adds the defaults. */
export function fleetConfig(options: RedisFleetOptions): FleetConfig {
  checkObject('redisFleet', options, OPTIONS);
  const { sendCommand, subscribe, prefix = 'mcpo:', local = {}, logger = CONSOLE } = options;
  if (typeof sendCommand !== 'function') {
    throw new ConfigError('redisFleet.sendCommand', 'must be a function', { value: sendCommand });
  }
  checkFunction('redisFleet.subscribe', subscribe);
  if (typeof prefix !== 'string') throw new ConfigError('redisFleet.prefix', 'must be a string', { value: prefix });
  if (local !== false) checkObject('redisFleet.local', local, LOCAL_OPTIONS);
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

/** A logger that throws must not prevent the recovery. */
function guarded(logger: FleetLogger): FleetLogger {
  const failed = warnOnce('mcpo: the logger of redisFleet failed');
  return {
    info: (fields, message) => tell(() => logger.info(fields, message), failed),
    warn: (fields, message) => tell(() => logger.warn(fields, message), failed),
  };
}

function integer(name: string, value: unknown, min: number, fallback: number, max?: number): number {
  return checkInteger(`redisFleet.${name}`, value, min, fallback, max);
}
