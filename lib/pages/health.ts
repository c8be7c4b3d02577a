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
      const states = detailed && { servers: shownStates(servers, authenticator.secured) };
      answer(req, res, status, { status, ...states });
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

const HIDDEN = 'the log says why; this page does once apiKey or authorize is set';

/** The same for a page. The reason may hold addresses and words of a child process: it is not for pages that are open to all. */
export function shownStates(servers: ServerRegistry, isSecured: boolean): Readonly<Record<string, ServerStatus>> {
  const states = Object.entries(serverStates(servers)).map(([name, state]) => {
    const isHidden = !isSecured && state.lastError !== undefined;
    return [name, isHidden ? { ...state, lastError: HIDDEN } : state] as const;
  });
  return Object.fromEntries(states);
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
