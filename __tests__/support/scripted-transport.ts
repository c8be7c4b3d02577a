import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { CustomSpec } from '../../lib/mcp/transport-spec';

const INITIALIZED = { capabilities: { tools: {} }, serverInfo: { name: 'scripted', version: '1' } };

/** A transport whose other side is the test; shakes hands by itself. */
export class ScriptedTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly sent: JSONRPCMessage[] = [];
  started = 0;
  closes = 0;
  /** Whether it answers `initialize`. */
  answersHello = true;
  /** What it answers there; by default whatever it was asked for. */
  protocolVersion: unknown;
  /** What becomes of the next messages; by default they are kept. */
  onSend: (message: JSONRPCMessage) => Promise<void> = () => Promise.resolve();

  /** As a server of {@link Connection}. */
  get spec(): CustomSpec {
    return { kind: 'custom', connect: () => this };
  }

  async start(): Promise<void> {
    this.started++;
  }

  async send(message: JSONRPCMessage): Promise<void> {
    await this.onSend(message);
    this.sent.push(message);
    if (!('method' in message) || message.method !== 'initialize' || !this.answersHello) return;
    const { id, params } = message as JSONRPCRequest;
    this.receive({ id, result: { ...INITIALIZED, protocolVersion: this.protocolVersion ?? params?.protocolVersion } });
  }

  async close(): Promise<void> {
    this.closes++;
    this.onclose?.();
  }

  /** Has the server say something, sensible or not. */
  receive(message: Readonly<Record<string, unknown>>): void {
    this.onmessage?.({ jsonrpc: '2.0', ...message } as unknown as JSONRPCMessage);
  }

  /** The last call of a tool that was sent. */
  get lastCall(): JSONRPCRequest {
    const call = this.sent.findLast((message) => 'method' in message && message.method === 'tools/call');
    if (!call) throw new Error('no tool was called');
    return call as JSONRPCRequest;
  }

  /** Answers the last call. */
  answer(result: unknown): void {
    this.receive({ id: this.lastCall.id, result });
  }

  /** Answers the last call with an error. */
  fail(code: number, message: string, data?: unknown): void {
    this.receive({ id: this.lastCall.id, error: { code, message, data } });
  }

  /** Tells progress of the last call. */
  progress(progress: number): void {
    const { progressToken } = this.lastCall.params?._meta ?? {};
    this.receive({ method: 'notifications/progress', params: { progressToken, progress } });
  }

  /** Which calls were cancelled, by their ids. */
  get cancelled(): readonly unknown[] {
    return this.sent.flatMap((message) =>
      'method' in message && message.method === 'notifications/cancelled' ? [message.params?.requestId] : [],
    );
  }
}
