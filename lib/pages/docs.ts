import type { ServerRegistry } from '../servers/registry';
import { pathOf, send } from '../http/response';
import { HTML_HEADERS, asset, readAsset, readOnce } from './asset';
import type { Page, ServerPage } from './pages';

/** Starts Swagger UI. A separate file, as the content security policy forbids inline scripts. */
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

/** The files of the docs pages with their media types. Nothing else is served. */
const TYPES = {
  'start.js': 'text/javascript; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'swagger-ui.css': 'text/css; charset=utf-8',
  'favicon-32x32.png': 'image/png',
} as const;

export type DocsAsset = keyof typeof TYPES;

/** The names of all files of the docs pages. */
export const DOCS_ASSETS = Object.keys(TYPES) as readonly DocsAsset[];

/** Without its files the page would be empty, and nobody told why. */
const haveFiles = readOnce(() => readAsset('swagger-ui/favicon-32x32.png').then(() => true));

/** Serves a file of the docs pages. */
export function docsAsset(name: DocsAsset): Page {
  return asset(TYPES[name], async () => (name === 'start.js' ? Buffer.from(STARTER) : readAsset(`swagger-ui/${name}`)));
}

/** Serves Swagger UI at `/docs` and at `/:server/docs`, from local files only. */
export function docsPages(
  servers: ServerRegistry,
  info: { readonly title: string },
): { readonly all: Readonly<Record<string, Page>>; readonly server: Readonly<Record<string, ServerPage>> } {
  const all = docsPage({ title: info.title, assets: 'docs' });
  const server: ServerPage = (req, res, one) => {
    return docsPage({ title: one.info?.title ?? one.name, assets: '../docs' })(req, res);
  };
  const assets = DOCS_ASSETS.map((name) => [`/docs/${name}`, docsAsset(name)] as const);
  return {
    all: { '/docs': all, '/docs/': all, ...Object.fromEntries(assets) },
    server: { docs: server, 'docs/': server },
  };
}

/**
 * The page that shows the `openapi.json` beside it. Relative URLs work below any mount path, with or without a trailing
 * slash.
 *
 * @param page - its title, and the path of its files relative to the page without a trailing slash
 */
export function docsPage(page: { readonly title: string; readonly assets: string }): Page {
  return async function docsPage(req, res) {
    await haveFiles();
    const up = pathOf(req).endsWith('/') ? '../' : '';
    const assets = `${up}${page.assets}`;
    const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(page.title)}</title>
<link rel="icon" type="image/png" href="${assets}/favicon-32x32.png">
<link rel="stylesheet" href="${assets}/swagger-ui.css">
<script defer src="${assets}/swagger-ui-bundle.js"></script>
<script defer src="${assets}/start.js" data-spec="${up}openapi.json"></script>
</head>
<body><div id="swagger-ui"></div></body>
</html>
`;
    send(req, res, 200, HTML_HEADERS, html);
  };
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
