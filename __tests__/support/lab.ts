import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
  McpError,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js';
import type { ConnectContext } from '../../lib';

/** What a lab tool is told of its call. */
interface LabCall {
  readonly args: Record<string, unknown>;
  readonly signal: AbortSignal;
  readonly headers: Readonly<Record<string, string>>;
  readonly progress: (progress: number) => Promise<void>;
}

type Run = (call: LabCall) => CallToolResult | Promise<CallToolResult>;

interface LabTool {
  readonly definition: Tool;
  readonly run: Run;
}

/** A result with one text. */
export const text = (value: string): CallToolResult => ({ content: [{ type: 'text', text: value }] });

const ANY = { type: 'object' as const, additionalProperties: true, properties: {} as Record<string, object> };

/** A real MCP server in this process, whose tools a test sets; a new connection for every `connect`. */
export class Lab {
  readonly #tools = new Map<string, LabTool>();
  readonly #name: string;
  readonly servers = new Set<Server>();
  /** Each message that has been sent to it, as JSON. */
  readonly sent: string[] = [];
  /** How often each tool has run. */
  readonly runs = new Map<string, number>();

  constructor(name = 'lab') {
    this.#name = name;
  }

  /** Adds a tool; `definition` overrides its schema and the like. */
  tool(name: string, run: Run, definition: Partial<Tool> = {}): this {
    this.#tools.set(name, { definition: { name, inputSchema: ANY, ...definition }, run });
    return this;
  }

  remove(name: string): this {
    this.#tools.delete(name);
    return this;
  }

  /** Tells all connected clients that the list has changed. */
  async announce(): Promise<void> {
    await Promise.all([...this.servers].map((server) => server.sendToolListChanged()));
  }

  /** For the `connect` option. */
  readonly connect = async (context: ConnectContext): Promise<Transport> => {
    const [near, far] = InMemoryTransport.createLinkedPair();
    const server = new Server(
      { name: this.#name, version: '1.2.3', title: 'The lab' },
      { capabilities: { tools: { listChanged: true } }, instructions: 'Tools for tests.' },
    );
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: [...this.#tools.values()].map((tool) => tool.definition),
    }));
    server.setRequestHandler(CallToolRequestSchema, (request, extra) => {
      const { name, arguments: args = {} } = request.params;
      const tool = this.#tools.get(name);
      if (!tool) throw new McpError(-32602, `Unknown tool: ${name}`);
      this.runs.set(name, (this.runs.get(name) ?? 0) + 1);
      const progressToken = request.params._meta?.progressToken;
      return tool.run({
        args,
        signal: extra.signal,
        headers: context.headers,
        progress: async (progress) => {
          if (progressToken === undefined) return;
          await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress } });
        },
      });
    });
    server.onclose = () => this.servers.delete(server);
    this.servers.add(server);
    await server.connect(far);
    const receive = far.onmessage;
    far.onmessage = (message, extra) => {
      this.sent.push(JSON.stringify(message));
      receive?.(message, extra);
    };
    return near;
  };
}
