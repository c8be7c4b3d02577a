import { McpoError } from '../errors';

/** The error while no connection is free. */
export function exhausted(detail: string): McpoError {
  return new McpoError('MCPO_POOL_EXHAUSTED', detail, { retryAfterMs: 1_000 });
}

/** The error of calls that come once a pool is closing. */
export function closing(detail = 'the pool is closing'): McpoError {
  return new McpoError('MCPO_CLOSING', detail, { retryAfterMs: 1_000 });
}
