import type { IncomingMessage } from 'node:http';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import { bodyOf, exchange } from './exchange';

const MAX_REDIRECTS = 5;
const MAX_MESSAGE_BYTES = 64 * 1_048_576;
const WITHOUT_BODY = [204, 205, 304];

/** A `fetch` for one connection, all of whose requests can be ended at once. */
export interface UpstreamFetch {
  readonly fetch: FetchLike;
  /** Aborts the JSON-RPC request with this id, or else whatever is going on. */
  abort(id?: RequestId): void;
}

/**
 * A `fetch` that follows redirects within the origin only, so that no credentials leave it, and gives each request an
 * AbortSignal of its own. The v1 SDK hands one signal to every POST: listeners pile up on it, and each
 * request has to walk through them.
 *
 * @param onEnd - told when the response to a JSON-RPC request has ended, whole or broken off, and whether it can be taken up
 * again
 */
export function upstreamFetch(onEnd: (id: RequestId, isResumable: boolean) => void): UpstreamFetch {
  const running = new Map<AbortController, RequestId | undefined>();

  async function follow(url: string | URL, init: RequestInit, signal: AbortSignal): Promise<IncomingMessage> {
    let target = new URL(url);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const message = await exchange(target, init, signal);
      const { statusCode: status = 0, headers } = message;
      if (status < 300 || status > 399 || headers.location === undefined) return message;
      message.resume();
      const next = new URL(headers.location, target);
      if (next.origin !== target.origin)
        throw new Error('the MCP server redirects to another origin, which is not followed');
      if (init.method !== 'GET' && status !== 307 && status !== 308) {
        throw new Error(`the MCP server redirects a ${init.method ?? ''} request with status ${String(status)}`);
      }
      target = next;
    }
    throw new Error('the MCP server redirects too often');
  }

  return {
    async fetch(url, init = {}) {
      init.signal?.throwIfAborted();
      const abort = new AbortController();
      const id = requestId(init);
      running.set(abort, id);
      try {
        const message = await follow(url, init, abort.signal);
        const { statusCode: status = 0, statusMessage: statusText = '' } = message;
        const headers = new Headers(message.headers as Record<string, string>);
        const watch = new Watch(/^\s*text\/event-stream\b/i.test(headers.get('content-type') ?? ''));
        const body = bodyOf(message, abort.signal, {
          onData: (chunk) => watch.look(chunk),
          onEnd() {
            running.delete(abort);
            if (id !== undefined) onEnd(id, watch.isResumable);
          },
        });
        return new Response(WITHOUT_BODY.includes(status) ? null : body, { status, statusText, headers });
      } catch (error) {
        running.delete(abort);
        abort.abort();
        throw error;
      }
    },
    abort(id) {
      for (const [abort, each] of running) if (id === undefined || id === each) abort.abort();
    },
  };
}

/** The id of the JSON-RPC request in a body. What answers a request of the server has an id too, of the server's choice. */
function requestId({ body }: RequestInit): RequestId | undefined {
  if (typeof body !== 'string') return undefined;
  const { method, id } = JSON.parse(body) as { method?: string; id?: RequestId };
  return method === undefined ? undefined : id;
}

/** Looks at a body as it comes: whether it holds an event id by which it can be taken up again, and no message too long. */
class Watch {
  isResumable = false;
  #hasId = false;
  readonly #isStream: boolean;
  #size = 0;
  // The end of what has come, since the network may cut it anywhere.
  #tail = '\n';

  constructor(isStream: boolean) {
    this.#isStream = isStream;
  }

  /** @throws Error for a message of more than 64 MiB */
  look(chunk: Buffer): void {
    this.#size += chunk.byteLength;
    if (this.#isStream) {
      const text = this.#tail + chunk.toString('latin1');
      this.#tail = text.slice(-6);
      const isWhole = /\n\n|\r\r|\r\n\r\n/.test(text);
      // The SDK takes up again what has told an id in an event that came whole.
      this.isResumable ||= (this.#hasId && isWhole) || /[\r\n]id: ?\S[^]*?(?:\n\n|\r\r|\r\n\r\n)/.test(text);
      this.#hasId ||= /[\r\n]id: ?\S/.test(text);
      if (isWhole) this.#size = 0;
    }
    if (this.#size > MAX_MESSAGE_BYTES) throw new Error('the MCP server sends a message of more than 64 MiB');
  }
}
