import { ConfigError } from '../errors';

/** Options of a {@link Retrier} and of its {@link RetryBudget}. */
export interface RetryOptions {
  /** Attempts in all, the first included. 1 never retries. @defaultValue 3 */
  readonly maxAttempts?: number | undefined;
  /** Retry budget of a server per 10 s: 10 retries plus this percentage of its calls. @defaultValue 20 */
  readonly budgetPercent?: number | undefined;
}

/** A whole number from `min` to `max`. */
export function checkInteger(path: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new ConfigError(path, `must be an integer from ${String(min)} to ${String(max)}`, { value });
}
