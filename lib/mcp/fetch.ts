import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';

const MAX_REDIRECTS = 5;

/** A `fetch` for one connection, all of whose requests can be ended at once. */
export interface UpstreamFetch {
  readonly fetch: FetchLike;
  /** Aborts whatever is going on. */
  abort(): void;
}

/**
 * A `fetch` that follows redirects within the origin only, so that no credentials leave it, and gives each request an
 * AbortSignal of its own. The v1 SDK hands one signal to every POST: listeners pile up on it, and each
 * request has to walk through them.
 *
 * @param onEnd - told when the body of a good response has ended, whole or broken off, and whether it can be taken up again
 */
export function upstreamFetch(onEnd: (init: RequestInit, isResumable: boolean) => void): UpstreamFetch {
  const running = new Set<AbortController>();

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
      const abort = new AbortController();
      running.add(abort);
      try {
        const response = await fetchOnce(url, init, abort);
        const { body } = response;
        if (!body || !response.ok) {
          // The SDK reads these at once.
          running.delete(abort);
          return response;
        }
        const watched = watch(body, (isResumable) => {
          running.delete(abort);
          onEnd(init, isResumable);
        });
        return new Response(watched, {
          status: response.status,
          statusText: response.statusText,
          headers: response.headers,
        });
      } catch (error) {
        running.delete(abort);
        throw error;
      }
    },
    abort() {
      for (const abort of running) abort.abort();
      running.clear();
    },
  };
}

/** The same stream; tells when it has ended, and whether it held an event id by which it can be taken up again. */
function watch(body: ReadableStream<Uint8Array>, onEnd: (resumable: boolean) => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let resumable = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          controller.close();
          onEnd(resumable);
          return;
        }
        resumable ||= hasEventId(value);
        controller.enqueue(value);
      } catch (error) {
        controller.error(error);
        onEnd(resumable);
      }
    },
    async cancel(reason) {
      onEnd(resumable);
      await reader.cancel(reason);
    },
  });
}

/** Whether a line of an event stream begins with `id:`; one cut in two by the network is missed, and costs no more than a new try. */
function hasEventId(chunk: Uint8Array): boolean {
  return /(?:^|[\r\n])id:/.test(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1'));
}
