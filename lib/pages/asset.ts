import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { McpoError } from '../errors';
import { send } from '../http/response';
import type { Page } from './pages';

/** Where the files of the pages are: in the package, from `lib/` or `dist/`; beside a bundle that holds this code. */
const FOLDERS = [path.join(__dirname, '../../assets'), path.join(__dirname, 'express-mcpo-assets')];

/** Reads a file of the pages. @throws McpoError MCPO_INTERNAL, which says what to do, if there is none */
export async function readAsset(file: string): Promise<Buffer> {
  for (const folder of FOLDERS) {
    try {
      return await readFile(path.join(folder, file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  const remedy = 'copy node_modules/express-mcpo/assets to a folder express-mcpo-assets beside the bundled app';
  throw new McpoError('MCPO_INTERNAL', `the file ${file} of this page is missing: ${remedy}`);
}

/** Reads once and keeps the result. After a failure, such as a lack of file descriptors, the next call tries again. */
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

/** Serves a file of a media type, which is read once; 304 if the client has the current version. */
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

/** RFC 9110 section 13.1.2: a list of tags with weak comparison, or `*`. */
function hasTag(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags?.some((tag) => tag === etag || tag === '*') ?? false;
}
