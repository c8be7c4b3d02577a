import { McpoError } from '../errors';

/** The error while no connection is free. */
export function exhausted(detail: string): McpoError {
  return new McpoError('MCPO_POOL_EXHAUSTED', detail, { retryAfterMs: 1_000 });
}

class SessionLost extends McpoError {}

/** Nothing was done, and the next call finds a new connection, which knows nothing of the last one. */
export function sessionLost(cause?: unknown): McpoError {
  const detail = 'the session with the MCP server was lost; the next call begins a new one';
  return new SessionLost('MCPO_SERVER_DOWN', detail, { retryAfterMs: 1, cause });
}

export function isSessionLost(error: unknown): boolean {
  return error instanceof SessionLost;
}

/** The error of calls that come once a pool is closing. */
export function closing(detail = 'the pool is closing'): McpoError {
  return new McpoError('MCPO_CLOSING', detail, { retryAfterMs: 1_000 });
}
