import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { asset } from './asset';
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

/** Serves a file of the docs pages. */
export function docsAsset(name: DocsAsset): Page {
  return asset(TYPES[name], async () =>
    name === 'start.js' ? Buffer.from(STARTER) : readFile(path.join(DIRECTORY, name)),
  );
}
