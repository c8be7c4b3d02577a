import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator } from '../auth/authenticator';
import type { ServerRegistry } from '../servers/registry';
import { send } from '../http/response';
import type { ServerStatus } from '../servers/status';
import type { Page } from './pages';

/** `degraded`: some servers are down. `unhealthy`: all are, or the router is closing. */
export type Health = 'healthy' | 'degraded' | 'unhealthy';

/**
 * `GET /health` shows the overall state to everybody, and that of each server to authorised callers. `/health/ready` and
 * `/health/live` are the probes of an orchestrator.
 */
export function healthPages(servers: ServerRegistry, authenticator: Authenticator): Readonly<Record<string, Page>> {
  return {
    '/health': async (req, res) => {
      const status = healthOf(servers);
      const refused = authenticator.refuseBrowser(req) !== undefined;
      const detailed = !refused && (await authenticator.refusal(req)) === undefined;
      answer(req, res, status, { status, ...(detailed && { servers: serverStates(servers) }) });
    },
    '/health/ready': (req, res) => {
      const status = healthOf(servers);
      answer(req, res, status, { status });
    },
    '/health/live': (req, res) => {
      answer(req, res, 'healthy', { status: 'alive' });
    },
  };
}

/** The state of each server, by name. */
export function serverStates(servers: ServerRegistry): Readonly<Record<string, ServerStatus>> {
  return Object.fromEntries(servers.all.map((server) => [server.name, server.status]));
}

/** The overall state. */
export function healthOf({ closing, all }: ServerRegistry): Health {
  const up = all.filter((server) => server.state === 'up').length;
  if (closing) return 'unhealthy';
  if (up === all.length) return 'healthy';
  return up === 0 ? 'unhealthy' : 'degraded';
}

function answer(req: IncomingMessage, res: ServerResponse, status: Health, body: object): void {
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
  send(req, res, status === 'unhealthy' ? 503 : 200, headers, JSON.stringify(body));
}
