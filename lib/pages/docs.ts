import type { ServerRegistry } from '../servers/registry';
import { pathOf, send } from '../http/response';
import { DOCS_ASSETS, docsAsset } from './docs-assets';
import { HTML_HEADERS } from './html';
import type { Page, ServerPage } from './pages';

/** Serves Swagger UI at `/docs` and at `/:server/docs`, from local files alone. */
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
 * The page that shows the `openapi.json` beside it. All URLs are relative, so that it works behind any mount path,
 * with and without a slash at its end.
 *
 * @param page - its title, and where its files are, relative to the page without a slash
 */
export function docsPage(page: { readonly title: string; readonly assets: string }): Page {
  return function docsPage(req, res) {
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
