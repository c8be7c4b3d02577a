import { pathOf, send } from '../http/response';
import { readAsset, readOnce } from './asset';
import { HTML_HEADERS, fill, rootOf } from './html';
import type { Page, ServerPage } from './pages';

/** The content security policy forbids inline scripts. */
const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}}</title>
<link rel="icon" type="image/png" href="{{root}}docs/favicon-32x32.png">
<link rel="stylesheet" href="{{root}}docs/swagger-ui.css">
<script defer src="{{root}}docs/swagger-ui-bundle.js"></script>
<script type="module" src="{{root}}dashboard/docs.js"></script>
</head>
<body data-root="{{root}}" data-spec="{{spec}}"><div id="swagger-ui"></div></body>
</html>
`;

/** Without its files the page would be empty, and nobody told why. */
const haveFiles = readOnce(() => readAsset('swagger-ui/favicon-32x32.png').then(() => true));

/** Serves Swagger UI at `/docs` and at `/:server/docs`, from local files only. */
export function docsPages(info: { readonly title: string }): {
  readonly all: Readonly<Record<string, Page>>;
  readonly server: Readonly<Record<string, ServerPage>>;
} {
  const all = docsPage(info.title);
  const server: ServerPage = (req, res, one) => docsPage(one.info?.title ?? one.name)(req, res);
  return { all: { '/docs': all, '/docs/': all }, server: { docs: server, 'docs/': server } };
}

/** The page that shows the `openapi.json` beside it. */
function docsPage(title: string): Page {
  return async function docsPage(req, res) {
    await haveFiles();
    const spec = pathOf(req).endsWith('/') ? '../openapi.json' : 'openapi.json';
    send(req, res, 200, HTML_HEADERS, fill(HTML, { title, root: rootOf(req), spec }));
  };
}
