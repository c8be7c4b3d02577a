import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { BROKEN_OFF } from './faults';
import { type UpstreamFetch, upstreamFetch } from './fetch';

const TERMINATE_TIMEOUT_MS = 1_000;

/**
 * The SDK's streamable HTTP transport, mended in three ways: its requests do not share one AbortSignal, a request whose
 * answer is cut off fails at once instead of at its time-out, and closing ends the session on the server.
 */
export class HttpTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport['onmessage'];
  readonly #inner: StreamableHTTPClientTransport;
  readonly #upstream: UpstreamFetch;
  readonly #waiting = new Set<RequestId>();
  #closing: Promise<void> | undefined;

  constructor(url: URL, headers: Readonly<Record<string, string>>) {
    this.#upstream = upstreamFetch((init, isResumable) => {
      // The SDK needs a turn to hand on the last events of the stream.
      if (!isResumable && typeof init.body === 'string')
        setImmediate(() => {
          this.#ended(init.body as string);
        });
    });
    this.#inner = new StreamableHTTPClientTransport(url, { fetch: this.#upstream.fetch, requestInit: { headers } });
    this.#inner.onclose = () => this.onclose?.();
    this.#inner.onerror = (error) => this.onerror?.(error);
    this.#inner.onmessage = (message: JSONRPCMessage) => {
      if (!('method' in message) && message.id !== undefined) this.#waiting.delete(message.id);
      this.onmessage?.(message);
    };
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion(version);
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const id = 'method' in message && 'id' in message ? message.id : undefined;
    if (id !== undefined) this.#waiting.add(id);
    try {
      await this.#inner.send(message);
    } catch (error) {
      if (id !== undefined) this.#waiting.delete(id);
      throw error;
    }
  }

  /** Ends the session on the server, for a second at most, and whatever is still going on. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const timer = setTimeout(() => {
      this.#upstream.abort();
    }, TERMINATE_TIMEOUT_MS).unref();
    await this.#inner.terminateSession().catch(() => undefined);
    clearTimeout(timer);
    this.#upstream.abort();
    await this.#inner.close();
  }

  /** The response to these requests has ended: what has no answer now will never have one. */
  #ended(body: string): void {
    if (this.#waiting.size === 0) return;
    const { id } = JSON.parse(body) as { id?: RequestId };
    if (id === undefined || !this.#waiting.delete(id)) return;
    this.onmessage?.({ jsonrpc: '2.0', id, error: { code: -32000, message: 'broken off', data: BROKEN_OFF } });
  }
}
