import { availableParallelism } from 'node:os';
import { ConfigError } from '../errors';

/** Options of a {@link ConcurrencyLimiter}. */
export interface LimiterOptions {
  /**
   * Calls that run at once: a number, `'cpu'` (the number of cores) or `'io'` (four times as many).
   *
   * @defaultValue 100
   */
  readonly maxConcurrent?: MaxConcurrent | undefined;
  /**
   * Calls that may wait. 0 refuses every call that cannot run at once.
   *
   * @defaultValue 1000
   */
  readonly maxQueue?: number | undefined;
  /**
   * Time a call may wait, in milliseconds.
   *
   * @defaultValue 30000
   */
  readonly queueTimeoutMs?: number | undefined;
  /**
   * What is limited, as error messages call it.
   *
   * @defaultValue `'concurrency limit'`
   */
  readonly name?: string | undefined;
}

/** A number of calls, or a preset that follows the machine. */
export type MaxConcurrent = number | 'cpu' | 'io';

/** Options that are complete and checked. */
export interface LimiterConfig {
  readonly maxConcurrent: number;
  readonly maxQueue: number;
  readonly queueTimeoutMs: number;
  readonly name: string;
}

// async-sema holds an array element for every permit.
const MAX_PERMITS = 1_000_000;
// setTimeout turns anything longer into 1 ms.
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const IO_CALLS_PER_CORE = 4;

/**
 * The options with their defaults.
 *
 * @param path - what error messages call the options
 */
export function limiterConfig(options: LimiterOptions, path = 'concurrency'): LimiterConfig {
  return {
    maxConcurrent: permitsFor(options.maxConcurrent ?? 100, path),
    maxQueue: integer(path, 'maxQueue', options.maxQueue ?? 1_000, 0, Number.MAX_SAFE_INTEGER),
    queueTimeoutMs: integer(path, 'queueTimeoutMs', options.queueTimeoutMs ?? 30_000, 1, MAX_TIMEOUT_MS),
    name: options.name ?? 'concurrency limit',
  };
}

/** How many permits a `maxConcurrent` stands for. */
export function permitsFor(value: MaxConcurrent, path = 'concurrency'): number {
  if (value === 'cpu') return availableParallelism();
  if (value === 'io') return IO_CALLS_PER_CORE * availableParallelism();
  return integer(path, 'maxConcurrent', value, 1, MAX_PERMITS);
}

function integer(path: string, name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const preset = name === 'maxConcurrent' ? ", 'cpu' or 'io'" : '';
  const range = `must be an integer from ${String(min)} to ${String(max)}${preset}`;
  throw new ConfigError(`${path}.${name}`, range, { value });
}
