import { createHash } from 'node:crypto';
import { send } from '../http';
import type { Page } from './pages';

/**
 * Serves a file, read once; a client that has it already gets 304.
 *
 * @param type - its media type
 */
export function asset(type: string, read: () => Promise<Buffer>): Page {
  let loading: Promise<{ readonly body: Buffer; readonly etag: string }> | undefined;
  const load = async (): Promise<{ readonly body: Buffer; readonly etag: string }> => {
    const body = await read();
    return { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` };
  };
  return async function asset(req, res) {
    loading ??= load();
    const { body, etag } = await loading;
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
