import { type RequestListener, type Server, type ServerOptions, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import express4 from 'express4';
import type { McpoRouter } from '../../lib';

/** An app with a router in it that listens on a port of its own. */
export interface Mounted {
  /** The base URL of the router's routes. */
  readonly url: string;
  readonly server: Server;
  readonly close: () => Promise<void>;
}

/** A way to mount a router. */
export interface Host {
  readonly name: string;
  mount(router: McpoRouter): Promise<Mounted>;
}

/** Starts any request listener on loopback. */
export async function listen(listener: RequestListener, path = '', options: ServerOptions = {}): Promise<Mounted> {
  const server = createServer(options, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}${path}`,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** Express 5, the router mounted below `/mcp`. */
export const inExpress5: Host = {
  name: 'Express 5',
  mount(router) {
    const app = express();
    app.use('/mcp', router);
    return listen(app, '/mcp');
  },
};

/** Express 4, the router mounted below `/mcp`. */
export const inExpress4: Host = {
  name: 'Express 4',
  mount(router) {
    const app = express4();
    app.use('/mcp', router as never);
    return listen(app, '/mcp');
  },
};

/** No framework: the router is called by a plain server. */
export const inPlainHttp = {
  name: 'node:http',
  mount(router: McpoRouter, options: ServerOptions = {}) {
    const listener: RequestListener = (req, res) => {
      router(req as never, res as never, (error: unknown) => {
        res.statusCode = error === undefined ? 404 : 500;
        res.end('from the host');
      });
    };
    return listen(listener, '', options);
  },
} satisfies Host;
