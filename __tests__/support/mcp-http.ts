import { BufferedBytes } from '../../lib/util/buffered-bytes';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, type CallToolResult, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { type McpoError, isMcpoError } from '../../lib';
import type { CallResult } from '../../lib/mcp/session/pending-call';
import { Connection } from '../../lib/mcp/session/connection';
import type { HttpSpec } from '../../lib/mcp/transport-spec';
import { type Mounted, listen } from './hosts';
import { silent } from './loggers';
import { text } from './lab';

/** What a test has started, to be ended after it in reverse order. */
export class Started {
  readonly #ends: (() => Promise<void>)[] = [];

  /** Starts any request listener. */
  async listen(listener: (req: IncomingMessage, res: ServerResponse) => unknown): Promise<Mounted> {
    const mounted = await listen((req, res) => void listener(req, res));
    this.#ends.push(mounted.close);
    return mounted;
  }

  /** Opens a connection to an MCP server over HTTP. */
  async connect(
    url: string,
    mode: HttpSpec['mode'] = 'streamable-http',
    headers = {},
    connectTimeoutMs = 5_000,
  ): Promise<Connection> {
    const connection = await Connection.open(
      { kind: 'http', url: new URL(url), headers, mode },
      {
        buffers: new BufferedBytes(Infinity),
        connectTimeoutMs,
        headers: {},
        logger: silent,
        signal: new AbortController().signal,
      },
    );
    this.#ends.push(() => connection.close());
    return connection;
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}

/** Calls the tool `echo`, or another. */
export function call(connection: Connection, args = {}, tool = 'echo', timeoutMs = 8_000): Promise<CallResult> {
  const { signal } = new AbortController();
  return connection.call(tool, args, { signal, timeoutMs, maxTotalTimeoutMs: timeoutMs });
}

/** What a promise is rejected with, which must be an McpoError. */
export async function failure(promise: Promise<unknown>): Promise<McpoError> {
  const error = await promise.then(
    () => new Error('nothing failed'),
    (reason: unknown) => reason,
  );
  if (!isMcpoError(error)) throw error as Error;
  return error;
}

/** A real MCP server with one tool, which answers with its arguments unless `run` says otherwise. */
export function makeServer(run?: (args: Record<string, unknown>) => Promise<CallToolResult>): Server {
  const server = new Server({ name: 'echo', version: '1.0.0' }, { capabilities: { tools: { listChanged: true } } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: 'echo', inputSchema: { type: 'object' as const } }],
  }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
    const args = params.arguments ?? {};
    return run ? run(args) : text(JSON.stringify(args));
  });
  return server;
}

/** A listener for real servers over streamable HTTP: one for each session, or one for each request where there are none. */
export function streamable(options: {
  readonly json: boolean;
  readonly stateful: boolean;
  readonly sessions?: Map<string, StreamableHTTPServerTransport>;
  readonly run?: (args: Record<string, unknown>) => Promise<CallToolResult>;
}): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  const { sessions = new Map<string, StreamableHTTPServerTransport>(), json: enableJsonResponse, run } = options;
  return async (req, res) => {
    const id = req.headers['mcp-session-id'];
    let transport = typeof id === 'string' ? sessions.get(id) : undefined;
    if (!transport && id !== undefined) {
      res.writeHead(404).end();
      return;
    }
    if (!transport) {
      const made = new StreamableHTTPServerTransport({
        enableJsonResponse,
        ...(options.stateful && {
          sessionIdGenerator: randomUUID,
          onsessioninitialized: (session: string) => void sessions.set(session, made),
          onsessionclosed: (session: string) => void sessions.delete(session),
        }),
      });
      await makeServer(run).connect(made);
      transport = made;
    }
    await transport.handleRequest(req, res);
  };
}

/** A JSON-RPC message, as far as hand-written servers look at it. */
export interface Rpc {
  readonly method?: string;
  readonly id?: number;
  readonly params?: { readonly name?: string; readonly arguments?: Record<string, unknown> };
}

/** A request that reached a hand-written server. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rpc: Rpc;
}

/** The answer to `initialize`, as JSON. */
export const initialized = ({ id }: Rpc): string =>
  answer(id, {
    protocolVersion: '2025-06-18',
    capabilities: { tools: {} },
    serverInfo: { name: 'by hand', version: '1.0.0' },
  });

/** A good answer, as JSON. */
export const answer = (id: number | undefined, result: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id, result });

/** Answers in JSON. */
export function sendJson(res: ServerResponse, body: string, headers: Record<string, string> = {}): void {
  res.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(body);
}

/**
 * A listener that speaks as much of streamable HTTP as a handshake needs, in JSON. All else goes to `others`: calls,
 * DELETE, and whatever comes for a path other than `/mcp`.
 */
export function byHand(
  others: (rpc: Rpc, res: ServerResponse, req: IncomingMessage) => void,
  options: { readonly sessionId?: string | (() => string); readonly seen?: Seen[] } = {},
): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  return async (req, res) => {
    const rpc = req.method === 'POST' ? ((await json(req)) as Rpc) : {};
    options.seen?.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, rpc });
    if (req.url !== '/mcp') others(rpc, res, req);
    else if (req.method === 'GET' && req.headers['last-event-id'] === undefined) res.writeHead(405).end();
    else if (rpc.method === 'initialize') {
      const sessionId = typeof options.sessionId === 'function' ? options.sessionId() : options.sessionId;
      sendJson(res, initialized(rpc), sessionId === undefined ? {} : { 'mcp-session-id': sessionId });
    } else if (rpc.method?.startsWith('notifications/')) res.writeHead(202).end();
    else others(rpc, res, req);
  };
}
