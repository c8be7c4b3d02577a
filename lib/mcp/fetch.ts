import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';

const MAX_REDIRECTS = 5;
const MAX_MESSAGE_BYTES = 64 * 1_048_576;

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

  async function fetchOnce(url: string | URL, init: RequestInit, abort: AbortController): Promise<Response> {
    let target = new URL(url);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const response = await fetch(target, { ...init, redirect: 'manual', signal: abort.signal });
      const location = response.headers.get('location');
      if (response.status < 300 || response.status > 399 || location === null) return response;
      await response.body?.cancel();
      const next = new URL(location, target);
      if (next.origin !== target.origin)
        throw new Error('the MCP server redirects to another origin, which is not followed');
      if (init.method !== 'GET' && response.status !== 307 && response.status !== 308) {
        throw new Error(
          `the MCP server redirects a ${init.method ?? ''} request with status ${String(response.status)}`,
        );
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
        const response = await fetchOnce(url, init, abort);
        const { status, statusText, headers } = response;
        if (!response.body) {
          running.delete(abort);
          return response;
        }
        const isStream = /^\s*text\/event-stream\b/i.test(headers.get('content-type') ?? '');
        const body = watch(response.body, isStream, (isResumable) => {
          running.delete(abort);
          if (id !== undefined) onEnd(id, isResumable);
        });
        return new Response(body, { status, statusText, headers });
      } catch (error) {
        running.delete(abort);
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

/** The same body; tells when it has ended, and whether it held an event id by which it can be taken up again. */
function watch(
  body: ReadableStream<Uint8Array>,
  isStream: boolean,
  onEnd: (isResumable: boolean) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let isResumable = false;
  let size = 0;
  // The end of what has come, since the network may cut it anywhere.
  let tail = '\n';

  function look(chunk: Uint8Array): void {
    size += chunk.byteLength;
    if (isStream) {
      const text = tail + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
      tail = text.slice(-3);
      isResumable ||= /[\r\n]id:/.test(text);
      if (/\n\n|\r\r|\r\n\r\n/.test(text)) size = 0;
    }
    if (size > MAX_MESSAGE_BYTES) throw new Error('the MCP server sends a message of more than 64 MiB');
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          controller.close();
          onEnd(isResumable);
          return;
        }
        look(value);
        controller.enqueue(value);
      } catch (error) {
        controller.error(error);
        onEnd(isResumable);
        await reader.cancel().catch(() => undefined);
      }
    },
    async cancel(reason) {
      onEnd(isResumable);
      await reader.cancel(reason);
    },
  });
}
