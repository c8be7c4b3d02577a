import type { ServerRegistry } from '../servers/registry';
import { send } from '../http/response';
import type { BreakerState } from '../pool/breaker';
import { readAsset, readOnce } from './asset';
import { DashboardEvents } from './dashboard-events';
import { HTML_HEADERS, fill, rootOf } from './html';
import type { MetricsJson } from './metrics';
import type { Page } from './pages';

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
  readonly pages: Readonly<Record<string, Page>>;
  /** Ends all event streams. */
  close(): void;
}

/** Serves a live page of the metrics. */
export function dashboardPages(
  servers: ServerRegistry,
  info: { readonly title: string },
  metrics: () => MetricsJson,
): Dashboard {
  const { title } = info;
  const events = new DashboardEvents((): DashboardSnapshot => ({ title, ...metrics(), pools: poolsOf(servers) }));
  const load = readOnce(async () => (await readAsset('dashboard/index.html')).toString());
  const page: Page = async (req, res) => {
    send(req, res, 200, HTML_HEADERS, fill(await load(), { root: rootOf(req) }));
  };
  return {
    pages: { '/dashboard': page, '/dashboard/': page, '/dashboard/events': (req, res) => events.listen(req, res) },
    close: () => events.close(),
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
