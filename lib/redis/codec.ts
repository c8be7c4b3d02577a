import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import type { CacheEntry } from '../cache/store';
import { newToken } from './generations';
import { TOKEN_LENGTH } from './scripts';

const PLAIN = 0;
const DEFLATED = 1;
/** A token of its own, and two doubles: when the entry was made, and how long it is good. */
const HEADER_BYTES = TOKEN_LENGTH + 16;
/** What a body may become: more than any that is kept, less than a forged one would need to fill the memory. */
const MAX_BODY_BYTES = 2 ** 28;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** A body as it is in Redis; compressed, away from the event loop, if it is large. */
export async function pack(body: Buffer, compressAboveBytes: number): Promise<Buffer> {
  if (body.length <= compressAboveBytes) return Buffer.concat([Buffer.of(PLAIN), body]);
  return Buffer.concat([Buffer.of(DEFLATED), await deflate(body, { level: 1 })]);
}

/** The body that was packed, in memory of its own: a reply is often a view of a block shared with others. */
export async function unpack(packed: Buffer): Promise<Buffer> {
  if (packed[0] === DEFLATED) return inflate(packed.subarray(1), { maxOutputLength: MAX_BODY_BYTES });
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

/** The entry that was packed. */
export async function unpackEntry(packed: Buffer): Promise<CacheEntry> {
  const ttlMs = packed.readDoubleBE(TOKEN_LENGTH + 8);
  return {
    body: await unpack(packed.subarray(HEADER_BYTES)),
    storedAt: packed.readDoubleBE(TOKEN_LENGTH),
    ttlMs: ttlMs === Infinity ? undefined : ttlMs,
  };
}

/** Milliseconds until an entry's time is over; `Infinity` if it never is. */
export function leftMs({ storedAt, ttlMs }: CacheEntry): number {
  return ttlMs === undefined ? Infinity : storedAt + ttlMs - Date.now();
}
