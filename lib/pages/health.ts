import type { Authenticator } from '../auth/authenticator';
import type { Directory } from '../directory';
import { send } from '../http';
import type { ServerStatus } from '../server';
import type { Page } from './pages';

/** `degraded` when some servers are down, `unhealthy` when all are, or when the router is closing. */
export type Health = 'healthy' | 'degraded' | 'unhealthy';

/** `GET /health`: the state of the whole for everybody, that of each server for an authorised caller. */
export function healthPage(directory: Directory, authenticator: Authenticator): Page {
  return async function health(req, res) {
    const servers = serverStates(directory);
    const status = healthOf(directory.closing, Object.values(servers));
    const refused = authenticator.refuseBrowser(req) !== undefined;
    const detailed = !refused && (await authenticator.isAuthorized(req));
    const body = JSON.stringify({ status, ...(detailed && { servers }) });
    const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
    send(req, res, status === 'unhealthy' ? 503 : 200, headers, body);
  };
}

/** The state of each server, by name. */
export function serverStates(directory: Directory): Readonly<Record<string, ServerStatus>> {
  return Object.fromEntries(directory.servers.map((server) => [server.name, server.status]));
}

/** How the whole is. */
export function healthOf(closing: boolean, servers: readonly ServerStatus[]): Health {
  const up = servers.filter((server) => server.state === 'up').length;
  if (closing) return 'unhealthy';
  if (up === servers.length) return 'healthy';
  return up === 0 ? 'unhealthy' : 'degraded';
}
