import type { IncomingMessage } from 'node:http';
import { send } from '../http/response';
import type { McpServer } from '../servers/server';
import type { ServerRegistry } from '../servers/registry';
import type { ServerState } from '../servers/status';
import { HTML_HEADERS, acceptsHtml, escape, rootOf } from './html';
import type { Page } from './pages';

/** What the mount path answers to a program. Links are relative to the URL of the request. */
export interface HomeJson {
  readonly title: string;
  readonly version: string;
  readonly servers: readonly HomeServer[];
  readonly links: Readonly<Record<'openapi' | 'docs' | 'health' | 'dashboard' | 'metrics', string>>;
}

/** A server in {@link HomeJson}. What is known of its tools stands there only while it can be called. */
interface HomeServer {
  readonly name: string;
  readonly state: ServerState;
  readonly tools?: number;
  readonly links?: Readonly<Record<'openapi' | 'docs', string>>;
}

/** What the links of the page are called. */
const TITLES = {
  docs: 'All tools, with forms to try them',
  openapi: 'OpenAPI document',
  dashboard: 'Dashboard',
  health: 'Health',
  metrics: 'Metrics',
} as const;

/** `GET /` below the mount path: where everything is. HTML for a browser, JSON for anybody else. */
export function homePage(servers: ServerRegistry, info: { readonly title: string; readonly version: string }): Page {
  return function home(req, res) {
    const json = homeJson(req, servers, info);
    if (acceptsHtml(req)) {
      send(req, res, 200, { ...HTML_HEADERS, 'Cache-Control': 'no-store', Vary: 'Accept' }, html(json, rootOf(req)));
      return;
    }
    const headers = { 'Cache-Control': 'no-store', Vary: 'Accept', 'X-Content-Type-Options': 'nosniff' };
    send(req, res, 200, { ...headers, 'Content-Type': 'application/json' }, JSON.stringify(json));
  };
}

function homeJson(
  req: IncomingMessage,
  servers: ServerRegistry,
  { title, version }: { readonly title: string; readonly version: string },
): HomeJson {
  const root = rootOf(req);
  return {
    title,
    version,
    servers: servers.all.map((server) => homeServer(server, root)),
    links: {
      openapi: `${root}openapi.json`,
      docs: `${root}docs`,
      health: `${root}health`,
      dashboard: `${root}dashboard`,
      metrics: `${root}metrics`,
    },
  };
}

function homeServer({ name, state, catalogue }: McpServer, root: string): HomeServer {
  if (state !== 'up') return { name, state };
  const folder = `${root}${encodeURIComponent(name)}/`;
  return { name, state, tools: catalogue.size, links: { openapi: `${folder}openapi.json`, docs: `${folder}docs` } };
}

function html({ title, servers, links }: HomeJson, root: string): string {
  const link = (href: string, text: string): string => `<a href="${escape(href)}">${escape(text)}</a>`;
  const rows = servers.map(({ name, state, tools, links: own }) => {
    const head = `<th scope="row">${escape(name)}</th>`;
    const badge = `<td data-label="State"><span class="badge" data-state="${state}">${state}</span></td>`;
    if (!own) return `<tr>${head}${badge}<td></td><td></td></tr>`;
    const pages = `${link(own.docs, 'docs')} ${link(own.openapi, 'openapi.json')}`;
    return `<tr>${head}${badge}<td data-label="Tools">${tools}</td><td data-label="Pages">${pages}</td></tr>`;
  });
  const pages = Object.entries(TITLES) as [keyof typeof TITLES, string][];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<link rel="icon" type="image/svg+xml" href="${escape(root)}dashboard/icon.svg">
${['style', 'tables', 'views'].map((name) => `<link rel="stylesheet" href="${escape(root)}dashboard/${name}.css">`).join('\n')}
</head>
<body>
<header><h1>${escape(title)}</h1></header>
<main>
<nav class="panel" aria-label="Pages">
<ul>
${pages.map(([name, text]) => `<li>${link(links[name], text)}</li>`).join('\n')}
</ul>
</nav>
<section class="panel" aria-labelledby="servers-title">
<h2 id="servers-title">Servers</h2>
<table>
<thead><tr><th scope="col">Server</th><th scope="col" data-label="State">State</th><th scope="col">Tools</th><th scope="col">Pages</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</section>
</main>
</body>
</html>
`;
}
