import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { RequestId } from '@modelcontextprotocol/sdk/types.js';
import { createParser } from 'eventsource-parser';
import type { BufferedBytes } from '../../util/buffered-bytes';
import { type Cancellation, Canceller } from '../../util/cancellation';
import { forParser, withoutMarks } from '../../util/exact-json';
import { brokenAnswer } from '../json-rpc';
import { rateLimited } from '../session/failures';
import { type HttpRequest, sendRequest } from '../../network/request';
import type { HttpResponse } from '../../network/response';

const MAX_MESSAGE_BYTES = 64 * 1_048_576;
/** A message of this size is read even when there is no room: a body cannot be made to wait (see `lib/network/response.ts`). */
const SHORT_BYTES = 65_536;
const MAX_REDIRECTS = 5;
/** A server ends an event stream after its answer, which lets the connection be used again; some do not. */
const END_MS = 1_000;
const STATUS_WITHOUT_BODY = [204, 205, 304];
const BLANK_LINE = /\n\n|\r\r|\r\n\r\n/;
const EVENT_STREAM = /^\s*text\/event-stream\b/i;
/** An event without an id: a stream of these cannot be resumed. */
const EVENT_WITHOUT_ID = /^(?:event: ?message\r?\n)?data: ?[^\r\n]*\r?\n\r?\n/;

const DATA_LINE = /(^|[\r\n])data:([^\r\n]*)/g;
const RETRY_LINE = /(^|[\r\n])retry: ?(\d+)(?=[\r\n]|$)/g;
const MIN_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/** A response whose body has not been read. */
export interface OpenResponse {
  readonly response: HttpResponse;
  readonly abort: Canceller;
  /** The id of the JSON-RPC request that it answers. */
  readonly id: RequestId | undefined;
}

/**
 * The HTTP requests of one connection, which can be aborted one by one or together. Redirects are followed within the origin
 * only, so that no credentials leave it. Each request has a cancellation of its own: the SDK passes one signal to every
 * POST, on which listeners pile up.
 */
export class Upstream {
  readonly #buffers: BufferedBytes;
  readonly #onEnd: (id: RequestId, isResumable: boolean) => void;
  readonly #running = new Map<Canceller, RequestId | undefined>();
  /** The event streams that answer a JSON-RPC request, each with the timer that ends it once the answer is there. */
  readonly #streams = new Map<RequestId, { readonly abort: Canceller; timer?: NodeJS.Timeout }>();
  readonly #held = new Map<RequestId, OpenResponse>();

  /**
   * @param onEnd - called at the end of the response to a JSON-RPC request, complete or not, with whether it can be resumed;
   * not by {@link text}
   */
  constructor(buffers: BufferedBytes, onEnd: (id: RequestId, isResumable: boolean) => void = () => undefined) {
    this.#buffers = buffers;
    this.#onEnd = onEnd;
  }

  /**
   * The `fetch` that the SDK's transports use. Numbers that a double cannot hold pass the SDK as marked strings, in requests
   * and in events.
   */
  readonly fetch: FetchLike = async (url, init = {}) => {
    const { method = 'GET', body, headers } = init;
    const text = typeof body === 'string' ? withoutMarks(body) : undefined;
    const id = idIn(text);
    const held = id === undefined ? undefined : this.#held.get(id);
    if (held) return this.webResponse(held);
    init.signal?.throwIfAborted();
    const request = { method, body: text, headers: Object.fromEntries(new Headers(headers)) };
    return this.webResponse(await this.open(new URL(url), request, id));
  };

  /** Runs `work`, during which {@link fetch} of this request returns a response that is already open. */
  async holding<T>(id: RequestId, opened: OpenResponse, work: () => Promise<T>): Promise<T> {
    this.#held.set(id, opened);
    try {
      return await work();
    } finally {
      this.#held.delete(id);
    }
  }

  /**
   * Sends a request; resolves with the headers of the response.
   *
   * @param id - the id of the JSON-RPC request in its body
   * @throws RateLimited when the response is a 429
   */
  async open(url: URL, request: HttpRequest, id: RequestId | undefined): Promise<OpenResponse> {
    const abort = new Canceller();
    this.#running.set(abort, id);
    try {
      const response = await follow(url, request, abort);
      // The SDK's own error would not have the header.
      if (response.status === 429) throw rateLimited(response.headers.get('retry-after'));
      return { response, abort, id };
    } catch (error) {
      this.#running.delete(abort);
      abort.abort();
      throw error;
    }
  }

  webResponse(opened: OpenResponse): Response {
    const { response } = opened;
    const { status, statusText } = response;
    const headers = new Headers([...response.headers]);
    this.#follow(opened);
    const watch = new BodyWatch(isEventStream(response), this.#buffers);
    const onData = (chunk: Buffer): void => watch.push(chunk);
    const bytes = response.stream(onData, () => {
      watch.end();
      this.#ended(opened, watch.isResumable);
    });
    const body = isEventStream(response) ? bytes.pipeThrough(eventsForParser()) : bytes;
    return new Response(STATUS_WITHOUT_BODY.includes(status) ? null : body, { status, statusText, headers });
  }

  async text({ response, abort }: OpenResponse): Promise<string> {
    const watch = new BodyWatch(false, this.#buffers);
    const chunks: Buffer[] = [];
    try {
      await response.read((chunk) => {
        chunks.push(chunk);
        watch.push(chunk);
      });
    } finally {
      watch.end();
      this.#running.delete(abort);
    }
    // TextDecoder removes a byte order mark.
    return new TextDecoder().decode(Buffer.concat(chunks));
  }

  /**
   * Reads an event stream, if its first event is complete and without an id. Streams with ids are left to the SDK, which can
   * resume them.
   *
   * @param onMessage - called with the data of each event
   * @returns `false` if the response is left for {@link webResponse}; resolves at the first bytes or the end
   */
  async events(opened: OpenResponse, onMessage: (data: string) => void): Promise<boolean> {
    const { response } = opened;
    if (!isEventStream(response)) return false;
    const first = await response.first();
    if (first && !EVENT_WITHOUT_ID.test(first.toString('latin1'))) return false;
    const watch = new BodyWatch(true, this.#buffers);
    const end = (): void => {
      watch.end();
      this.#ended(opened, false);
    };
    if (!first) {
      end();
      return true;
    }
    this.#follow(opened);
    const decoder = new TextDecoder();
    const parser = createParser({
      onEvent: ({ event = 'message', data }) => {
        if (event === 'message' && data !== '') onMessage(data);
      },
    });
    const onData = (chunk: Buffer): void => {
      watch.push(chunk);
      parser.feed(decoder.decode(chunk, { stream: true }));
    };
    response.read(onData).then(end, end);
    return true;
  }

  /** The answer to a request has arrived: an event stream that goes on is ended soon. */
  answered(id: RequestId): void {
    const stream = this.#streams.get(id);
    if (stream) stream.timer ??= setTimeout(() => stream.abort.abort(), END_MS).unref();
  }

  #follow({ response, abort, id }: OpenResponse): void {
    if (id !== undefined && isEventStream(response)) this.#streams.set(id, { abort });
  }

  #ended({ abort, id }: OpenResponse, isResumable: boolean): void {
    this.#running.delete(abort);
    if (id === undefined) return;
    clearTimeout(this.#streams.get(id)?.timer);
    this.#streams.delete(id);
    this.#onEnd(id, isResumable);
  }

  /** Aborts the JSON-RPC request with this id, or all requests. */
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
    const response = await sendRequest(target, request, signal);
    const { status, headers } = response;
    const location = headers.get('location');
    if (status < 300 || status > 399 || location === undefined) return response;
    response.cancel();
    const next = new URL(location, target);
    if (next.origin !== target.origin)
      throw new Error('the MCP server redirects to another origin, which is not allowed');
    if (request.method !== 'GET' && status !== 307 && status !== 308) {
      throw new Error(`the MCP server redirects a ${request.method} request with status ${String(status)}`);
    }
    target = next;
  }
  throw new Error('the MCP server redirects too often');
}

/** The id of the JSON-RPC request in a body. A response has an id too, which the server has chosen. */
function idIn(body: string | undefined): RequestId | undefined {
  if (body === undefined) return undefined;
  const { method, id } = JSON.parse(body) as { method?: string; id?: RequestId };
  return method === undefined ? undefined : id;
}

/** Marks the numbers in the events of a stream; see {@link forParser}. Lines are passed on when they are complete. */
function eventsForParser(): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let parts: string[] = [];
  const rewritten = (text: string): Buffer =>
    Buffer.from(
      text
        .replace(DATA_LINE, (_, start: string, data: string) => `${start}data:${dataForParser(data)}`)
        .replace(RETRY_LINE, (_, start: string, ms: string) => `${start}retry:${boundedRetry(Number(ms))}`),
    );
  return new TransformStream({
    transform(chunk, controller) {
      const text = decoder.decode(chunk, { stream: true });
      const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1;
      if (end > 0) {
        controller.enqueue(rewritten([...parts, text.slice(0, end)].join('')));
        parts = [];
      }
      parts.push(text.slice(end));
    },
    flush(controller) {
      const rest = parts.join('') + decoder.decode();
      if (rest !== '') controller.enqueue(rewritten(rest));
    },
  });
}

/** A pause of 0 would be a storm of requests, and of more than a timer takes too. */
function boundedRetry(ms: number): number {
  return Math.min(Math.max(ms, MIN_RETRY_MS), MAX_RETRY_MS);
}

/** What is no JSON but the answer to a request ends that request. */
function dataForParser(data: string): string {
  try {
    JSON.parse(data);
    return forParser(data);
  } catch {
    const broken = brokenAnswer(data);
    return broken ? JSON.stringify(broken) : data;
  }
}

/** Watches a body: whether it can be resumed by an event id, and the size of its messages, which the router holds. */
class BodyWatch {
  isResumable = false;
  #hasId = false;
  readonly #isStream: boolean;
  readonly #buffers: BufferedBytes;
  #size = 0;
  // The end of the data so far, as chunks may end anywhere.
  #tail = '\n';

  constructor(isStream: boolean, buffers: BufferedBytes) {
    this.#isStream = isStream;
    this.#buffers = buffers;
  }

  /** @throws Error for a message of more than 64 MiB, or one that is not short and for which there is no room */
  push(chunk: Buffer): void {
    this.#grow(chunk.byteLength);
    if (this.#isStream) {
      const text = this.#tail + chunk.toString('latin1');
      this.#tail = text.slice(-6);
      const isComplete = BLANK_LINE.test(text);
      // The SDK resumes a stream in which a complete event had an id.
      const idAt = this.isResumable || this.#hasId ? 0 : text.search(/[\r\n]id: ?\S/);
      this.isResumable ||= isComplete && idAt >= 0 && BLANK_LINE.test(text.slice(idAt));
      this.#hasId ||= idAt >= 0;
      if (isComplete) this.end();
    }
    if (this.#size > MAX_MESSAGE_BYTES) throw new Error('the MCP server sends a message of more than 64 MiB');
    if (this.#size > SHORT_BYTES && this.#buffers.full)
      throw new Error('the router holds too many bytes for this message (maxBufferedBytes)');
  }

  /** To be called at the end of the body. */
  end(): void {
    this.#grow(-this.#size);
  }

  #grow(bytes: number): void {
    this.#size += bytes;
    this.#buffers.arrive(bytes);
  }
}
