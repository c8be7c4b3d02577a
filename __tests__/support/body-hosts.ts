import { once } from 'node:events';
import { Agent, type IncomingMessage, type Server, type ServerResponse, createServer, request } from 'node:http';
import { type Http2Server, connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import express from 'express';
import express4 from 'express4';
import type { McpoRouter } from '../../lib';
import type { Layer } from '../../lib/http/compose';

/** How a body is sent. */
export interface Sent {
  readonly body?: Buffer | string;
  /** Whether its length is told; otherwise it comes in chunks, or in the frames of HTTP/2. */
  readonly hasLength?: boolean;
  /** In how many writes it is sent over HTTP/1.1, so that it comes in as many parts or more. 1 by default. */
  readonly parts?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came back. */
export interface Received {
  readonly status: number;
  readonly text: string;
}

/** A server in which layers of the host stand before the router. */
export interface BodyHost {
  send(path: string, sent: Sent): Promise<Received>;
  close(): void;
}

type Start = (layers: readonly Layer[], mcpo: McpoRouter) => Promise<BodyHost>;

/** Layers and router without a framework. */
function chained(layers: readonly Layer[]): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    const step = (index: number, error?: unknown): void => {
      const layer = layers[index];
      if (error === undefined && layer) {
        layer(req, res, (failed) => {
          step(index + 1, failed);
        });
        return;
      }
      res.statusCode = 599;
      res.end(String(error));
    };
    step(0);
  };
}

async function portOf(server: Server | Http2Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function overHttp1(server: Server): Promise<BodyHost> {
  const port = await portOf(server);
  // One connection, so that what is left of one body would be seen by the next request.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    async send(path, { body = '', hasLength = true, parts = 1, headers = {} }) {
      const length = hasLength ? { 'Content-Length': Buffer.byteLength(body) } : { 'Transfer-Encoding': 'chunked' };
      const req = request({ port, method: 'POST', path, agent, headers: { ...length, ...headers } });
      // A server that refuses a body may close the connection before all of it has gone.
      req.on('error', () => undefined);
      const answered = once(req, 'response');
      const size = Math.ceil(body.length / parts);
      for (let at = 0; at < body.length && !req.destroyed; at += size) {
        if (at > 0) await new Promise(setImmediate);
        req.write(body.slice(at, at + size));
      }
      req.end();
      const [res] = (await answered) as [IncomingMessage];
      return { status: res.statusCode ?? 0, text: await textOf(res) };
    },
    close() {
      agent.destroy();
      server.close();
      server.closeAllConnections();
    },
  };
}

const inHttp2: Start = async (layers, mcpo) => {
  const server = createHttp2Server(chained([...layers, mcpo as unknown as Layer]) as never);
  const client = connect(`http://127.0.0.1:${String(await portOf(server))}`);
  return {
    async send(path, { body = '', hasLength = true, headers = {} }) {
      const length = hasLength ? { 'content-length': Buffer.byteLength(body) } : {};
      const stream = client.request({ ':method': 'POST', ':path': path, ...length, ...headers });
      stream.end(body);
      const [head] = (await once(stream, 'response')) as [Record<string, unknown>];
      return { status: Number(head[':status']), text: await textOf(stream) };
    },
    close() {
      client.destroy();
      server.close();
    },
  };
};

/** Every kind of server that a router is mounted in. */
export const bodyHosts: readonly (readonly [name: string, start: Start])[] = [
  ['Express 5', (layers, mcpo) => overHttp1(createServer(express().use(...(layers as [Layer]), mcpo) as never))],
  [
    'Express 4',
    (layers, mcpo) => overHttp1(createServer(express4().use(...(layers as [never]), mcpo as never) as never)),
  ],
  ['node:http', (layers, mcpo) => overHttp1(createServer(chained([...layers, mcpo as unknown as Layer])))],
  ['node:http2', inHttp2],
];
