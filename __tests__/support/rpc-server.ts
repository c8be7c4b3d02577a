import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { McpError } from '@modelcontextprotocol/sdk/types.js';

type Params = Readonly<Record<string, unknown>>;

/** An MCP server over HTTP, in JSON, whose answers a test changes while it runs. */
export class RpcServer {
  capabilities: object = { tools: {} };
  protocolVersion = '2025-11-25';
  /** Makes results by method; what one throws is the error that is answered. All other methods are -32601. */
  on: Record<string, (params: Params) => object | Promise<object>> = {};
  /** The sessions it knows; `undefined` for a server without sessions. */
  sessions: Set<string> | undefined;
  /** The methods it was asked for, in their order. */
  readonly asked: string[] = [];

  /** How often it was asked for a method. */
  count(method: string): number {
    return this.asked.filter((each) => each === method).length;
  }

  readonly listener = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const id = req.headers['mcp-session-id'];
    if (req.method === 'DELETE') res.writeHead(200).end();
    else if (req.method !== 'POST') res.writeHead(405).end();
    else if (typeof id === 'string' && this.sessions?.has(id) !== true) res.writeHead(404).end();
    else await this.#answer((await json(req)) as { id?: number; method: string; params?: Params }, res);
  };

  async #answer(rpc: { id?: number; method: string; params?: Params }, res: ServerResponse): Promise<void> {
    this.asked.push(rpc.method);
    if (rpc.id === undefined) {
      res.writeHead(202).end();
      return;
    }
    const headers: Record<string, string> = { 'Content-Type': 'application/json' };
    if (rpc.method === 'initialize' && this.sessions) {
      const session = randomUUID();
      this.sessions.add(session);
      headers['mcp-session-id'] = session;
    }
    const outcome = await this.#outcome(rpc.method, rpc.params ?? {});
    res.writeHead(200, headers).end(JSON.stringify({ jsonrpc: '2.0', id: rpc.id, ...outcome }));
  }

  async #outcome(method: string, params: Params): Promise<object> {
    try {
      const answer = this.on[method];
      if (answer) return { result: await answer(params) };
      if (method === 'initialize') {
        const { capabilities, protocolVersion } = this;
        return { result: { protocolVersion, capabilities, serverInfo: { name: 'by hand', version: '1' } } };
      }
      if (method === 'ping') return { result: {} };
      throw new McpError(-32601, 'Method not found');
    } catch (error) {
      if (!(error instanceof McpError)) throw error;
      const message = error.message.replace(/^MCP error -?\d+: /, '');
      return { error: { code: error.code, message, data: error.data } };
    }
  }
}

/** A list of tools with these schemas of their arguments. */
export function listOf(schemas: Readonly<Record<string, object>>): { readonly tools: object[] } {
  return { tools: Object.entries(schemas).map(([name, inputSchema]) => ({ name, inputSchema })) };
}

/** The result of a tool that says something. */
export function says(text: string): object {
  return { content: [{ type: 'text', text }] };
}
