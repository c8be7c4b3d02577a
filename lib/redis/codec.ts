import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { CacheEntry } from '../cache/store';
import { newToken } from './generations';
import { TOKEN_LENGTH } from './scripts';

const PLAIN = 0;
const DEFLATED = 1;
/** A token of its own, and two doubles: when the entry was made, and how long it is good. */
const HEADER_BYTES = TOKEN_LENGTH + 16;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** A body as it is in Redis; compressed, away from the event loop, if it is large. */
export async function pack(body: Buffer, compressAboveBytes: number): Promise<Buffer> {
  if (body.length <= compressAboveBytes) return Buffer.concat([Buffer.of(PLAIN), body]);
  return Buffer.concat([Buffer.of(DEFLATED), await deflate(body, { level: 1 })]);
}

/**
 * The body that was packed, in memory of its own: a reply is often a view of a block shared with others. `undefined` for
 * what is no body, or one of more than `maxBytes`.
 */
export async function unpack(packed: Buffer, maxBytes: number): Promise<Buffer | undefined> {
  if (packed[0] === DEFLATED) {
    return inflate(packed.subarray(1), { maxOutputLength: maxBytes }).catch(() => undefined);
  }
  if (packed[0] !== PLAIN || packed.length - 1 > maxBytes) return undefined;
  const body = Buffer.allocUnsafeSlow(packed.length - 1);
  packed.copy(body, 0, 1);
  return body;
}

/** An entry as it is in Redis, behind its generation. */
export async function packEntry({ body, storedAt, ttlMs }: CacheEntry, compressAboveBytes: number): Promise<Buffer> {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(newToken(), 'latin1');
  header.writeDoubleBE(storedAt, TOKEN_LENGTH);
  header.writeDoubleBE(ttlMs ?? Infinity, TOKEN_LENGTH + 8);
  return Buffer.concat([header, await pack(body, compressAboveBytes)]);
}

/** The entry that was packed; `undefined` for what is none, or one of more than `maxBytes`. */
export async function unpackEntry(packed: Buffer, maxBytes: number): Promise<CacheEntry | undefined> {
  if (packed.length <= HEADER_BYTES) return undefined;
  const storedAt = packed.readDoubleBE(TOKEN_LENGTH);
  const ttlMs = packed.readDoubleBE(TOKEN_LENGTH + 8);
  if (!Number.isFinite(storedAt) || !(ttlMs > 0)) return undefined;
  const body = await unpack(packed.subarray(HEADER_BYTES), maxBytes);
  return body && { body, storedAt, ttlMs: ttlMs === Infinity ? undefined : ttlMs };
}

/** Milliseconds until an entry's time is over; `Infinity` if it never is. */
export function leftMs({ storedAt, ttlMs }: CacheEntry): number {
  return ttlMs === undefined ? Infinity : storedAt + ttlMs - Date.now();
}
