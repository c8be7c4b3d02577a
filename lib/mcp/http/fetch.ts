import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import { createParser } from 'eventsource-parser';
import { type Cancellation, Canceller } from '../../util/cancellation';
import { rateLimited } from '../session/failures';
import { BodyWatch } from './body-watch';
import { type HttpRequest, sendRequest } from '../../network/request';
import type { HttpResponse } from '../../network/response';

const MAX_REDIRECTS = 5;
const WITHOUT_BODY = [204, 205, 304];
const EVENT_STREAM = /^\s*text\/event-stream\b/i;
/** An event by which nothing can be taken up again. */
const EVENT_WITHOUT_ID = /^(?:event: ?message\r?\n)?data: ?[^\r\n]*\r?\n\r?\n/;

/** A response whose body is still to come. */
export interface Opened {
  readonly incoming: HttpResponse;
  /** Ends it. */
  readonly abort: Canceller;
  /** The id of the JSON-RPC request that it answers. */
  readonly id: RequestId | undefined;
}

/**
 * The requests of one connection, all of which can be ended at once. Redirects are followed within the origin only, so
 * that no credentials leave it, and each request has a cancellation of its own. The v1 SDK hands one signal to
 * every POST: listeners pile up on it, and each request has to walk through them.
 */
export class Upstream {
  readonly #onEnd: (id: RequestId, isResumable: boolean) => void;
  readonly #running = new Map<Canceller, RequestId | undefined>();
  readonly #held = new Map<RequestId, Opened>();

  /**
   * @param onEnd - told when the response to a JSON-RPC request has ended, whole or broken off, and whether it can be taken
   * up again; not by {@link text}
   */
  constructor(onEnd: (id: RequestId, isResumable: boolean) => void = () => undefined) {
    this.#onEnd = onEnd;
  }

  /** The `fetch` that the SDK's transports use. */
  readonly fetch: FetchLike = async (url, init = {}) => {
    const { method = 'GET', body, headers } = init;
    const text = typeof body === 'string' ? body : undefined;
    const id = idIn(text);
    const held = id === undefined ? undefined : this.#held.get(id);
    if (held) return this.response(held);
    init.signal?.throwIfAborted();
    const request = { method, body: text, headers: Object.fromEntries(new Headers(headers)) };
    return this.response(await this.open(new URL(url), request, id));
  };

  /** Does something whose {@link fetch} of this request is given the response that there is already. */
  async holding<T>(id: RequestId, opened: Opened, work: () => Promise<T>): Promise<T> {
    this.#held.set(id, opened);
    try {
      return await work();
    } finally {
      this.#held.delete(id);
    }
  }

  /**
   * Sends a request; resolves when the response begins.
   *
   * @param id - of the JSON-RPC request in its body
   * @throws RateLimited when the response is a 429
   */
  async open(url: URL, request: HttpRequest, id: RequestId | undefined): Promise<Opened> {
    const abort = new Canceller();
    this.#running.set(abort, id);
    try {
      const incoming = await follow(url, request, abort);
      // The SDK's own error would not have the header.
      if (incoming.status === 429) throw rateLimited(incoming.headers.get('retry-after'));
      return { incoming, abort, id };
    } catch (error) {
      this.#running.delete(abort);
      abort.abort();
      throw error;
    }
  }

  /** A response as the web has it, for the SDK. */
  response(opened: Opened): Response {
    const { incoming } = opened;
    const { status, statusText } = incoming;
    const headers = new Headers([...incoming.headers]);
    const watch = new BodyWatch(isEventStream(incoming));
    const onData = (chunk: Buffer): void => watch.look(chunk);
    const body = incoming.stream(onData, () => this.#ended(opened, watch.isResumable));
    return new Response(WITHOUT_BODY.includes(status) ? null : body, { status, statusText, headers });
  }

  /** The whole body of a response. */
  async text({ incoming, abort }: Opened): Promise<string> {
    const watch = new BodyWatch(false);
    const chunks: Buffer[] = [];
    try {
      await incoming.read((chunk) => {
        chunks.push(chunk);
        watch.look(chunk);
      });
    } finally {
      this.#running.delete(abort);
    }
    // Without a byte order mark.
    return new TextDecoder().decode(Buffer.concat(chunks));
  }

  /**
   * Reads a response that is a stream of events, if it begins with one that has no id and has come whole. Where events
   * have ids, the SDK knows how to ask for the rest of a stream that was cut off.
   *
   * @param onMessage - is given the data of each event
   * @returns `false` when it is left for {@link response}; else once the first bytes, or its end, have come
   */
  async events(opened: Opened, onMessage: (data: string) => void): Promise<boolean> {
    const { incoming } = opened;
    if (!isEventStream(incoming)) return false;
    const first = await incoming.first();
    if (first && !EVENT_WITHOUT_ID.test(first.toString('latin1'))) return false;
    const end = (): void => this.#ended(opened, false);
    if (!first) {
      end();
      return true;
    }
    const watch = new BodyWatch(true);
    const decoder = new TextDecoder();
    const parser = createParser({
      onEvent: ({ event = 'message', data }) => {
        if (event === 'message' && data !== '') onMessage(data);
      },
    });
    const onData = (chunk: Buffer): void => {
      watch.look(chunk);
      parser.feed(decoder.decode(chunk, { stream: true }));
    };
    incoming.read(onData).then(end, end);
    return true;
  }

  #ended({ abort, id }: Opened, isResumable: boolean): void {
    this.#running.delete(abort);
    if (id !== undefined) this.#onEnd(id, isResumable);
  }

  /** Aborts the JSON-RPC request with this id, or else whatever is going on. */
  abort(id?: RequestId): void {
    for (const [abort, each] of this.#running) if (id === undefined || id === each) abort.abort();
  }
}

function isEventStream({ headers }: HttpResponse): boolean {
  return EVENT_STREAM.test(headers.get('content-type') ?? '');
}

async function follow(url: URL, request: HttpRequest, signal: Cancellation): Promise<HttpResponse> {
  let target = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const incoming = await sendRequest(target, request, signal);
    const { status, headers } = incoming;
    const location = headers.get('location');
    if (status < 300 || status > 399 || location === undefined) return incoming;
    incoming.cancel();
    const next = new URL(location, target);
    if (next.origin !== target.origin)
      throw new Error('the MCP server redirects to another origin, which is not followed');
    if (request.method !== 'GET' && status !== 307 && status !== 308) {
      throw new Error(`the MCP server redirects a ${request.method} request with status ${String(status)}`);
    }
    target = next;
  }
  throw new Error('the MCP server redirects too often');
}

/** The id of the JSON-RPC request in a body. What answers a request of the server has an id too, of the server's choice. */
function idIn(body: string | undefined): RequestId | undefined {
  if (body === undefined) return undefined;
  const { method, id } = JSON.parse(body) as { method?: string; id?: RequestId };
  return method === undefined ? undefined : id;
}
