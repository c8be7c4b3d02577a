import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { BROKEN_OFF } from '../session/failures';
import { parseJson, revived, stringifyJson } from '../../util/exact-json';
import { Upstream } from './fetch';
import type { BufferedBytes } from '../../util/buffered-bytes';
import { withTimeout } from '../../util/timeout';
import { asMessage, brokenAnswer, cancelledId } from '../json-rpc';

const JSON_TYPE = 'application/json';
const IS_JSON = /^application\/json\s*(?:;|$)/i;
const TERMINATE_TIMEOUT_MS = 1_000;
// The SDK's error when it stops resuming an event stream.
const GIVEN_UP = /^Maximum reconnection attempts/;

/**
 * The SDK's streamable HTTP transport, with these differences:
 *
 * - Requests do not share one AbortSignal.
 * - A request whose response is cut off fails at once, not at its timeout.
 * - Cancelling a request aborts it; a tool call only when nobody waits for its end any more ({@link abandon}).
 * - Closing ends the session on the server.
 * - Tool calls with a JSON response, or with events without ids, bypass the web's Request, Response and streams, for speed.
 */
export class HttpTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport['onmessage'];
  readonly #inner: StreamableHTTPClientTransport;
  readonly #upstream: Upstream;
  readonly #url: URL;
  readonly #headers: Record<string, string>;
  readonly #waiting = new Set<RequestId>();
  /** Those of the waiting requests that call a tool. */
  readonly #toolCalls = new Set<RequestId>();
  /** Those of the waiting requests whose response was cut off and is being resumed. */
  readonly #resuming = new Set<RequestId>();
  #closing: Promise<void> | undefined;

  /** @param headers - by their lower-case names */
  constructor(url: URL, headers: Readonly<Record<string, string>>, buffers: BufferedBytes) {
    this.#url = url;
    this.#headers = { ...headers, accept: 'application/json, text/event-stream', 'content-type': JSON_TYPE };
    this.#upstream = new Upstream(buffers, (id, isResumable) => {
      // The SDK needs a turn to process the last events of the stream.
      setImmediate(() => {
        if (!isResumable) this.#fail(id);
        else if (this.#waiting.has(id)) this.#resuming.add(id);
      });
    });
    this.#inner = new StreamableHTTPClientTransport(url, {
      fetch: (target, init) => this.#fetch(target, init),
      requestInit: { headers },
    });
    this.#inner.onclose = () => this.onclose?.();
    this.#inner.onerror = (error) => {
      if (GIVEN_UP.test(error.message)) for (const id of this.#resuming) this.#fail(id);
      this.onerror?.(error);
    };
    this.#inner.onmessage = (message: JSONRPCMessage) => {
      this.#deliver(revived(message) as JSONRPCMessage);
    };
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  setProtocolVersion(version: string): void {
    this.#headers['mcp-protocol-version'] ??= version;
    this.#inner.setProtocolVersion(version);
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const id = 'method' in message && 'id' in message ? message.id : undefined;
    if (id !== undefined) this.#waiting.add(id);
    const cancelled = cancelledId(message);
    if (cancelled !== undefined && !this.#toolCalls.has(cancelled)) this.abandon(cancelled);
    const isToolCall = id !== undefined && 'method' in message && message.method === 'tools/call';
    if (isToolCall) this.#toolCalls.add(id);
    try {
      if (isToolCall) await this.#call(message, id);
      else await this.#inner.send(message);
    } catch (error) {
      if (id !== undefined) this.#removeWaiting(id);
      throw error;
    }
  }

  /** Aborts a request whose answer is no longer waited for. */
  abandon(id: RequestId): void {
    this.#removeWaiting(id);
    this.#upstream.abort(id);
  }

  async #call(message: JSONRPCMessage, id: RequestId): Promise<void> {
    const { sessionId } = this;
    const headers = sessionId === undefined ? this.#headers : { 'mcp-session-id': sessionId, ...this.#headers };
    const opened = await this.#upstream.open(this.#url, { method: 'POST', headers, body: stringifyJson(message) }, id);
    const { status, headers: received } = opened.response;
    const isPlain = status === 200 && (received.get('mcp-session-id') ?? sessionId) === sessionId;
    if (isPlain && IS_JSON.test(received.get('content-type') ?? '')) {
      const answer = parseJson(await this.#upstream.text(opened));
      for (const each of [answer].flat()) this.#receive(each);
      this.#fail(id);
      return;
    }
    const onEvent = (data: string): void => {
      try {
        this.#receive(parseJson(data));
      } catch (error) {
        this.onerror?.(error as Error);
        const broken = brokenAnswer(data);
        if (broken) this.#deliver(broken);
      }
    };
    if (isPlain && (await this.#upstream.events(opened, onEvent))) return;
    // The SDK only asks for the response, as `message` has been sent.
    await this.#upstream.holding(id, opened, () => this.#inner.send({ jsonrpc: '2.0', id, method: 'tools/call' }));
  }

  #receive(value: unknown): void {
    const known = asMessage(value);
    if (!known) throw new Error('the MCP server sent an invalid message');
    this.#deliver(known);
  }

  #deliver(message: JSONRPCMessage): void {
    if (!('method' in message) && message.id !== undefined) {
      this.#removeWaiting(message.id);
      this.#upstream.answered(message.id);
    }
    this.onmessage?.(message);
  }

  /** Ends the session on the server, waiting a second at most, then all requests. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const late = (): Error => new Error('the session was not ended in time');
    await withTimeout(this.#inner.terminateSession(), TERMINATE_TIMEOUT_MS, late).catch(() => undefined);
    // In this order: requests in progress fail because the connection has closed.
    await this.#inner.close();
    this.#upstream.abort();
  }

  /** The SDK takes a 405 as a server without an event stream, even in response to an attempt to resume one. */
  async #fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const response = await this.#upstream.fetch(url, init);
    if (response.status === 405 && new Headers(init.headers).has('last-event-id')) {
      await response.body?.cancel();
      throw new Error('the MCP server sends event ids, but cannot resume');
    }
    return response;
  }

  /** Fails a request that is still waiting: its response cannot arrive any more. */
  #fail(id: RequestId): void {
    if (!this.#removeWaiting(id)) return;
    this.onmessage?.({ jsonrpc: '2.0', id, error: { code: -32000, message: 'connection lost', data: BROKEN_OFF } });
  }

  /** Returns whether the request was still waiting. */
  #removeWaiting(id: RequestId): boolean {
    this.#resuming.delete(id);
    this.#toolCalls.delete(id);
    return this.#waiting.delete(id);
  }
}
