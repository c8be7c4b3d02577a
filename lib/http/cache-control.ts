import type { CacheControl } from '../calls/call';

const NONE: CacheControl = { noCache: false, noStore: false, maxAgeMs: undefined };

/** Parses the `Cache-Control` header of a request (RFC 9111, section 5.2.1). Unknown directives are ignored. */
export function cacheControlOf(header: string | undefined): CacheControl {
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
