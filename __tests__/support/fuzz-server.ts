import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { ConnectContext } from '../../lib';

type Fields = Readonly<Record<string, unknown>>;

interface Request {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Fields;
}

/** What a call brings: `result` or `error` of the answer, and whatever else is put into it. */
export type OnCall = (name: string, args: Fields, context: ConnectContext) => Fields;

/** An MCP server in this process that says just what a test wants, sensible or not. */
export class FuzzServer {
  /** The result of `tools/list`, by the cursor that is asked for. */
  onList: (cursor: unknown) => unknown = () => ({ tools: [] });
  onCall: OnCall = () => ({ result: { content: [] } });
  /** How often the list has been asked for. */
  lists = 0;
  readonly #transports = new Set<FuzzTransport>();

  readonly connect = (context: ConnectContext): Transport => {
    const transport = new FuzzTransport((request) => this.#answer(request, context));
    this.#transports.add(transport);
    return transport;
  };

  /** Says that its tools have changed. */
  announce(): void {
    for (const transport of this.#transports) {
      transport.receive({ method: 'notifications/tools/list_changed' });
    }
  }

  #answer({ method, params = {} }: Request, context: ConnectContext): Fields {
    switch (method) {
      case 'initialize': {
        const capabilities = { tools: { listChanged: true } };
        const serverInfo = { name: 'fuzz', version: '1' };
        return { result: { protocolVersion: params.protocolVersion, capabilities, serverInfo } };
      }
      case 'tools/list':
        this.lists += 1;
        return { result: this.onList(params.cursor) };
      case 'tools/call':
        return this.onCall(String(params.name), params.arguments as Fields, context);
      default:
        return { result: {} };
    }
  }
}

class FuzzTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #answer: (request: Request) => Fields;

  constructor(answer: (request: Request) => Fields) {
    this.#answer = answer;
  }

  async start(): Promise<void> {
    await Promise.resolve();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const request = message as Request;
    if (request.id === undefined) return;
    await Promise.resolve();
    this.receive({ id: request.id, ...this.#answer(request) });
  }

  async close(): Promise<void> {
    this.onclose?.();
  }

  receive(message: Fields): void {
    this.onmessage?.({ jsonrpc: '2.0', ...message } as unknown as JSONRPCMessage);
  }
}
