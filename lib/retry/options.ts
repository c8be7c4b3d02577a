import { ConfigError } from '../errors';

/** Options of a {@link Retrier} and of its {@link RetryBudget}. */
export interface RetryOptions {
  /**
   * How often a call is tried in all; 1 never retries.
   *
   * @defaultValue 3
   */
  readonly maxAttempts?: number | undefined;
  /**
   * How many retries there may be for every hundred calls of the last 10 s.
   *
   * @defaultValue 20
   */
  readonly budgetPercent?: number | undefined;
}

/** A whole number from `min` to `max`. */
export function checkInteger(path: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new ConfigError(path, `must be an integer from ${String(min)} to ${String(max)}`, { value });
}
