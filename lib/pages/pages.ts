import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerRegistry } from '../servers/registry';
import type { McpServer } from '../servers/server';
import { McpoError } from '../errors';
import { type Layer, failing } from '../http/compose';
import { pathOf } from '../http/response';

/** Handles a GET or HEAD request. */
export type Page = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>;

/** A {@link Page} of one server. */
export type ServerPage = (req: IncomingMessage, res: ServerResponse, server: McpServer) => void | Promise<void>;

/** Serves pages by their path below the mount point. */
export function pages(table: Readonly<Record<string, Page>>): Layer {
  const byPath = new Map(Object.entries(table));
  return function pages(req, res, next) {
    const path = pathOf(req);
    const page = byPath.get(path);
    // The first segment may be the name of a server.
    if (!page || (!isRead(req) && path.includes('/', 1))) {
      next();
      return;
    }
    if (!isRead(req))
      throw new McpoError('MCPO_METHOD_NOT_ALLOWED', 'a page is read by GET', { headers: { Allow: 'GET, HEAD' } });
    Promise.resolve(page(req, res)).catch(failing(next));
  };
}

/** Serves pages of servers by the part of the path after `/:server/`. */
export function serverPages(servers: ServerRegistry, table: Readonly<Record<string, ServerPage>>): Layer {
  const byPath = new Map(Object.entries(table));
  return function serverPages(req, res, next) {
    if (isRead(req)) {
      const path = pathOf(req);
      const end = path.indexOf('/', 1);
      const page = end === -1 ? undefined : byPath.get(path.slice(end + 1));
      const server = page && servers.get(path.slice(1, end));
      if (server) {
        Promise.resolve(page(req, res, server)).catch(failing(next));
        return;
      }
    }
    next();
  };
}

function isRead(req: IncomingMessage): boolean {
  const method = req.method;
  return method === 'GET' || method === 'HEAD';
}
