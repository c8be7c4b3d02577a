import { createHash } from 'node:crypto';
import { send } from '../http/response';
import type { Page } from './pages';

/** What is read once and kept; where that fails, as without file descriptors, the next who asks has it tried again. */
export function readOnce<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return async () => {
    reading ??= read();
    try {
      return await reading;
    } catch (error) {
      reading = undefined;
      throw error;
    }
  };
}

/**
 * Serves a file, read once; a client that has it already gets 304.
 *
 * @param type - its media type
 */
export function asset(type: string, read: () => Promise<Buffer>): Page {
  const load = readOnce(async () => {
    const body = await read();
    return { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` };
  });
  return async function asset(req, res) {
    const { body, etag } = await load();
    const headers = { ETag: etag, 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' };
    if (hasTag(req.headers['if-none-match'], etag)) {
      res.statusCode = 304;
      for (const [key, value] of Object.entries(headers)) res.setHeader(key, value);
      res.end();
      return;
    }
    send(req, res, 200, { ...headers, 'Content-Type': type }, body);
  };
}

/** RFC 9110 section 13.1.2: a list of tags, compared weakly, or `*`. */
function hasTag(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags?.some((tag) => tag === etag || tag === '*') ?? false;
}
