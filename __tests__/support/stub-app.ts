import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { McpServer } from '../../lib/servers/server';
import type { ServerRegistry } from '../../lib/servers/registry';
import type { Tool } from '../../lib/mcp/tools/tool';
import { docsPages } from '../../lib/pages/docs';
import { filePages } from '../../lib/pages/files';
import { openApiPages } from '../../lib/pages/openapi/document';
import { pages, serverPages } from '../../lib/pages/pages';
import { described } from './policies';

/** An HTTP server with the pages of these tools, below a path that it takes off as a proxy does. */
export class StubApp {
  readonly #server: Server;
  readonly #mount: string;
  /** The headers of every call of a tool. */
  readonly calls: { readonly path: string; readonly headers: IncomingMessage['headers'] }[] = [];

  constructor(
    tools: readonly Tool[],
    options: { readonly mount?: string; readonly key?: string; readonly title?: string } = {},
  ) {
    const { mount = '', key, title = 'Stub' } = options;
    this.#mount = mount;
    const names = [...new Set(tools.map((tool) => tool.server))];
    const servers = names.map((name) => ({
      name,
      info: { title: `${title} ${name}`, version: '1', instructions: 'Use *it*.' },
      catalogue: { entries: tools.filter((tool) => tool.server === name).map(described) },
    }));
    const directory = {
      all: servers,
      get: (name: string) => servers.find((candidate) => candidate.name === name) as unknown as McpServer,
    } as unknown as ServerRegistry;
    const info = { title, version: '1', description: undefined };
    const openApi = openApiPages(directory, info, key !== undefined);
    const docs = docsPages(info);
    const all = pages({ ...filePages({ refuseBrowser: () => undefined }), ...openApi.all, ...docs.all });
    const each = serverPages(directory, { ...openApi.server, ...docs.server });
    this.#server = createServer((req, res) => {
      const url = req.url ?? '/';
      if (!url.startsWith(mount)) {
        res.statusCode = 404;
        res.end();
        return;
      }
      req.url = url.slice(mount.length);
      const fail = (error: unknown): void => {
        res.statusCode = 500;
        res.end(String(error));
      };
      all(req, res, (error) => {
        if (error) fail(error);
        else each(req, res, () => void this.#call(tools, key, req, res).catch(fail));
      });
    });
  }

  /** Starts it; returns the URL of the mount point, without a slash at its end. */
  async start(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}${this.#mount}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Answers with the arguments, or with problem details. */
  async #call(
    tools: readonly Tool[],
    key: string | undefined,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> {
    const path = req.url ?? '/';
    const tool = tools.find((candidate) => candidate.path === path);
    const body = await text(req);
    const args = JSON.parse(body || '{}') as Record<string, unknown>;
    this.calls.push({ path, headers: req.headers });
    const known =
      key === undefined || req.headers.authorization === `Bearer ${key}` || req.headers['x-api-key'] === key;
    const status = !known ? 401 : !tool || req.method !== 'POST' ? 404 : tool.check(args) ? 422 : 200;
    const problem = { type: 'about:blank', title: 'Problem', status, detail: 'No.', code: 'MCPO_REJECTED' };
    res.statusCode = status;
    res.setHeader('Content-Type', status === 200 ? 'application/json' : 'application/problem+json');
    res.end(JSON.stringify(status === 200 ? { echo: args, path } : problem));
  }
}
