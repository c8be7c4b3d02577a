import type { IncomingMessage } from 'node:http';
import { stateOf } from './request-state';

/** What a caller asks of the cache (RFC 9111, section 5.2.1). */
export interface CacheControl {
  /** Answer afresh. */
  readonly noCache: boolean;
  /** Neither answer from the store nor keep the answer. */
  readonly noStore: boolean;
  /** The oldest stored answer that will do, in milliseconds. */
  readonly maxAgeMs: number | undefined;
}

const NONE: CacheControl = { noCache: false, noStore: false, maxAgeMs: undefined };

/** The `Cache-Control` of a request. Directives that it does not know are left alone. */
export function cacheControlOf(req: IncomingMessage): CacheControl {
  const header = stateOf(req).headers['cache-control'];
  if (header === undefined) return NONE;
  const directives = header
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim());
  const maxAge = directives.find((directive) => /^max-age=\d{1,10}$/.test(directive))?.slice('max-age='.length);
  return {
    noCache: directives.includes('no-cache') || maxAge === '0',
    noStore: directives.includes('no-store'),
    maxAgeMs: maxAge === undefined ? undefined : Number(maxAge) * 1_000,
  };
}
