import type { BreakerOptions } from '../pool/options';
import type { RetryOptions } from '../retry/options';
import { checkInteger, checkOptions } from '../util/checks';

/** Validated `retry` options; one attempt means no retry. */
export interface RetryConfig extends RetryOptions {
  readonly maxAttempts: number;
  readonly budgetPercent: number;
}

const NEVER: RetryConfig = { maxAttempts: 1, budgetPercent: 0 };

/** Validates a `retry` option and adds the values of `fallback`. */
export function retryConfig(path: string, value: unknown, fallback?: RetryConfig): RetryConfig {
  if (value === false) return NEVER;
  if (value === undefined && fallback) return fallback;
  const { maxAttempts, budgetPercent } = checkOptions(path, value, ['maxAttempts', 'budgetPercent']);
  const base = fallback && fallback !== NEVER ? fallback : { maxAttempts: 3, budgetPercent: 20 };
  return {
    maxAttempts: checkInteger(`${path}.maxAttempts`, maxAttempts, 1, base.maxAttempts, 100),
    budgetPercent: checkInteger(`${path}.budgetPercent`, budgetPercent, 0, base.budgetPercent, 100),
  };
}

/** Validates the `breaker` option. */
export function breakerConfig(value: unknown): Required<BreakerOptions> {
  const { threshold, cooldownMs } = checkOptions('breaker', value, ['threshold', 'cooldownMs']);
  return {
    threshold: checkInteger('breaker.threshold', threshold, 1, 5),
    cooldownMs: checkInteger('breaker.cooldownMs', cooldownMs, 1, 5_000),
  };
}
