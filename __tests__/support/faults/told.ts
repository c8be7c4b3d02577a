import type { ErrorCode } from '../../../lib';

/** How a caller is answered; where nobody is there to read an answer, there is none. */
export interface Told {
  readonly status: number | 'none';
  readonly code?: ErrorCode;
  readonly outcome?: 'unknown';
}

export const OK: Told = { status: 200 };
export const LOST: Told = { status: 502, code: 'MCPO_CONNECTION_LOST', outcome: 'unknown' };
export const NONSENSE: Told = { status: 502, code: 'MCPO_BAD_RESPONSE', outcome: 'unknown' };
export const LATE: Told = { status: 504, code: 'MCPO_TIMEOUT', outcome: 'unknown' };
export const DOWN: Told = { status: 503, code: 'MCPO_SERVER_DOWN' };

/** What an answer says. */
export function toldBy({ status, body }: { readonly status: number; readonly body: string }): Told {
  if (status < 400 || !body.startsWith('{')) return { status };
  const { code, outcome } = JSON.parse(body) as { code?: ErrorCode; outcome?: 'unknown' };
  return { status, ...(code && { code }), ...(outcome && { outcome }) };
}
