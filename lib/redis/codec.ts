import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { CacheEntry } from '../cache/store';
import { ownBuffer } from '../util/own-buffer';
import { newToken } from './generations';
import { TOKEN_LENGTH } from './scripts';

const PLAIN = 0;
const DEFLATED = 1;
/** A token, and two doubles: `storedAt` and `ttlMs`. */
const HEADER_BYTES = TOKEN_LENGTH + 16;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Encodes a body for Redis. Large ones are compressed, off the event loop. */
export async function pack(body: Buffer, compressAboveBytes: number): Promise<Buffer> {
  if (body.length <= compressAboveBytes) return Buffer.concat([Buffer.of(PLAIN), body]);
  return Buffer.concat([Buffer.of(DEFLATED), await deflate(body, { level: 1 })]);
}

/**
 * Decodes a body, into memory of its own, as a reply is often a view of a shared block. `undefined` if it is invalid or larger
 * than `maxBytes`.
 */
export async function unpack(packed: Buffer, maxBytes: number): Promise<Buffer | undefined> {
  if (packed[0] === DEFLATED) {
    return inflate(packed.subarray(1), { maxOutputLength: maxBytes }).catch(() => undefined);
  }
  if (packed[0] !== PLAIN || packed.length - 1 > maxBytes) return undefined;
  return ownBuffer(packed.subarray(1));
}

/** Encodes an entry; in Redis, it follows its generation. */
export async function packEntry({ body, storedAt, ttlMs }: CacheEntry, compressAboveBytes: number): Promise<Buffer> {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(newToken(), 'latin1');
  header.writeDoubleBE(storedAt, TOKEN_LENGTH);
  header.writeDoubleBE(ttlMs ?? Infinity, TOKEN_LENGTH + 8);
  return Buffer.concat([header, await pack(body, compressAboveBytes)]);
}

/** Decodes an entry; `undefined` if it is invalid or larger than `maxBytes`. */
export async function unpackEntry(packed: Buffer, maxBytes: number): Promise<CacheEntry | undefined> {
  if (packed.length <= HEADER_BYTES) return undefined;
  const storedAt = packed.readDoubleBE(TOKEN_LENGTH);
  const ttlMs = packed.readDoubleBE(TOKEN_LENGTH + 8);
  if (!Number.isFinite(storedAt) || !(ttlMs > 0)) return undefined;
  const body = await unpack(packed.subarray(HEADER_BYTES), maxBytes);
  return body && { body, storedAt, ttlMs: ttlMs === Infinity ? undefined : ttlMs };
}

/** The remaining lifetime of an entry in milliseconds; `Infinity` if it never expires. */
export function leftMs({ storedAt, ttlMs }: CacheEntry): number {
  return ttlMs === undefined ? Infinity : storedAt + ttlMs - Date.now();
}
