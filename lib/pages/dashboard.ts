import path from 'node:path';
import type { Authenticator } from '../auth/authenticator';
import type { ServerRegistry } from '../servers/registry';
import { pathOf, send } from '../http/response';
import type { BreakerState } from '../pool/breaker';
import { HTML_HEADERS, asset, readOnce, readAsset } from './asset';
import { DashboardEvents } from './dashboard-events';
import type { MetricsJson } from './metrics';
import type { Page } from './pages';

const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

/** The files of the page with their media types. Nothing else is served. */
const ASSETS: Readonly<Record<string, string>> = {
  'dashboard/alerts.js': SCRIPT,
  'dashboard/charts.js': SCRIPT,
  'dashboard/dom.js': SCRIPT,
  'dashboard/format.js': SCRIPT,
  'dashboard/history.js': SCRIPT,
  'dashboard/main.js': SCRIPT,
  'dashboard/overview.js': SCRIPT,
  'dashboard/servers.js': SCRIPT,
  'dashboard/stream.js': SCRIPT,
  'dashboard/tools.js': SCRIPT,
  'dashboard/icon.svg': 'image/svg+xml',
  'dashboard/style.css': STYLE,
  'dashboard/tables.css': STYLE,
  'dashboard/views.css': STYLE,
  'uplot/uPlot.iife.min.js': SCRIPT,
  'uplot/uPlot.min.css': STYLE,
};

/** The connections of one server in {@link DashboardSnapshot}. */
export interface PoolJson {
  readonly idle: number;
  readonly busy: number;
  readonly opening: number;
  readonly waiting: number;
  readonly breaker: BreakerState;
}

/** The event that the page gets each second. */
export interface DashboardSnapshot extends MetricsJson {
  /** The title of the app's tools. */
  readonly title: string;
  /** By server. */
  readonly pools: Readonly<Record<string, PoolJson>>;
}

/** The page at `/dashboard`. */
export interface Dashboard {
  /** The page and its files. They contain no data of this router, so they need no credentials. */
  readonly shell: Readonly<Record<string, Page>>;
  /** The data of the page. */
  readonly events: Readonly<Record<string, Page>>;
  /** Ends all event streams. */
  close(): void;
}

/** Serves a live page of the metrics. */
export function dashboardPages(
  servers: ServerRegistry,
  authenticator: Authenticator,
  info: { readonly title: string },
  metrics: () => MetricsJson,
): Dashboard {
  const { title } = info;
  const events = new DashboardEvents((): DashboardSnapshot => ({ title, ...metrics(), pools: poolsOf(servers) }));
  const guarded =
    (page: Page): Page =>
    async (req, res) => {
      const refusal = authenticator.refuseBrowser(req);
      if (refusal) throw refusal;
      await page(req, res);
    };
  const page = guarded(dashboardPage(authenticator));
  const files = Object.entries(ASSETS).map(([file, type]) => {
    const serve = asset(type, () => readAsset(file));
    return [`/dashboard/${path.posix.basename(file)}`, guarded(serve)] as const;
  });
  return {
    shell: { '/dashboard': page, '/dashboard/': page, ...Object.fromEntries(files) },
    events: { '/dashboard/events': (req, res) => events.listen(req, res) },
    close: () => events.close(),
  };
}

/**
 * The page. A browser cannot send a key with its first request: without credentials it gets 401 with the page as the body,
 * which asks for them.
 */
function dashboardPage(authenticator: Authenticator): Page {
  const load = readOnce(async () => (await readAsset('dashboard/index.html')).toString());
  return async function dashboard(req, res) {
    const refusal = await authenticator.refusal(req);
    if (refusal && !req.headers.accept?.includes('text/html')) throw refusal;
    const values: Readonly<Record<string, string>> = {
      // Relative URLs work below any mount path, with or without a trailing slash.
      base: pathOf(req).endsWith('/') ? '' : 'dashboard/',
      access: refusal ? 'denied' : 'granted',
    };
    const html = (await load()).replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? '');
    send(req, res, refusal?.status ?? 200, { ...HTML_HEADERS, ...refusal?.headers }, html);
  };
}

function poolsOf(servers: ServerRegistry): DashboardSnapshot['pools'] {
  return Object.fromEntries(
    servers.all.map((server) => {
      const { idle, busy, opening, waiting } = server.connections;
      return [server.name, { idle, busy, opening, waiting, breaker: server.breaker }];
    }),
  );
}
