import { availableParallelism } from 'node:os';
import { ConfigError } from '../errors';
import { checkInteger } from '../util/checks';

/** Options of a {@link ConcurrencyLimiter}. */
export interface LimiterOptions {
  /** Maximum number of running calls: a number, `'cpu'` (one per core) or `'io'` (four per core). @defaultValue 100 */
  readonly maxConcurrent?: MaxConcurrent | undefined;
  /**
   * Maximum number of waiting calls; 0: no call waits. In a full queue, a call takes the place of the newest of the principal that
   * has the most, if that is more than its own has.
   * @defaultValue 1000
   */
  readonly maxQueue?: number | undefined;
  /** Maximum waiting time of a call, in milliseconds. @defaultValue 30000 */
  readonly queueTimeoutMs?: number | undefined;
  /** The name of the limit in error messages. @defaultValue `'concurrency limit'` */
  readonly name?: string | undefined;
}

/** A number of calls, or a preset by the number of cores. */
export type MaxConcurrent = number | 'cpu' | 'io';

/** Validated options with their defaults. */
export interface LimiterConfig {
  readonly maxConcurrent: number;
  readonly maxQueue: number;
  readonly queueTimeoutMs: number;
  readonly name: string;
}

// async-sema holds an array element for every permit.
const MAX_PERMITS = 1_000_000;
const IO_CALLS_PER_CORE = 4;

/** Validates the options and adds the defaults. */
export function limiterConfig(options: LimiterOptions, path = 'concurrency'): LimiterConfig {
  return {
    maxConcurrent: permitsFor(options.maxConcurrent ?? 100, path),
    maxQueue: checkInteger(`${path}.maxQueue`, options.maxQueue, 0, 1_000, Number.MAX_SAFE_INTEGER),
    queueTimeoutMs: checkInteger(`${path}.queueTimeoutMs`, options.queueTimeoutMs, 1, 30_000),
    name: options.name ?? 'concurrency limit',
  };
}

/** The number of permits of a `maxConcurrent`. */
export function permitsFor(value: MaxConcurrent, path = 'concurrency'): number {
  if (value === 'cpu') return availableParallelism();
  if (value === 'io') return IO_CALLS_PER_CORE * availableParallelism();
  if (Number.isInteger(value) && value >= 1 && value <= MAX_PERMITS) return value;
  const problem = `must be an integer from 1 to ${MAX_PERMITS}, 'cpu' or 'io'`;
  throw new ConfigError(`${path}.maxConcurrent`, problem, { value });
}
