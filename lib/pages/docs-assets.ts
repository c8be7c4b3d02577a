import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { send } from '../http';
import type { Page } from './pages';

/** The same from `lib/` and from `dist/`. */
const DIRECTORY = path.join(__dirname, '../../assets/swagger-ui');

/** Starts Swagger UI. A file of its own, as the content security policy allows no inline script. */
const STARTER = `'use strict';
SwaggerUIBundle({
  url: new URL(document.currentScript.dataset.spec, location.href).href,
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

/** What the docs pages load, with its media type; nothing else is served. */
const TYPES = {
  'start.js': 'text/javascript; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'swagger-ui.css': 'text/css; charset=utf-8',
  'favicon-32x32.png': 'image/png',
} as const;

/** The name of a file that the docs pages load. */
export type DocsAsset = keyof typeof TYPES;

/** All files that the docs pages load. */
export const DOCS_ASSETS = Object.keys(TYPES) as readonly DocsAsset[];

/** Serves a file of the docs pages, read once; a client that has it already gets 304. */
export function docsAsset(name: DocsAsset): Page {
  let loading: Promise<{ readonly body: Buffer; readonly etag: string }> | undefined;
  const load = async (): Promise<{ readonly body: Buffer; readonly etag: string }> => {
    const body = name === 'start.js' ? Buffer.from(STARTER) : await readFile(path.join(DIRECTORY, name));
    return { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` };
  };
  return async function docsAsset(req, res) {
    loading ??= load();
    const { body, etag } = await loading;
    const headers = { ETag: etag, 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' };
    if (hasTag(req.headers['if-none-match'], etag)) {
      res.statusCode = 304;
      for (const [key, value] of Object.entries(headers)) res.setHeader(key, value);
      res.end();
      return;
    }
    send(req, res, 200, { ...headers, 'Content-Type': TYPES[name] }, body);
  };
}

/** RFC 9110 section 13.1.2: a list of tags, compared weakly, or `*`. */
function hasTag(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags?.some((tag) => tag === etag || tag === '*') ?? false;
}
