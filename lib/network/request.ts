import type * as Undici from 'undici';
import type { Cancellation } from '../util/cancellation';
import { HttpResponse } from './response';

// Shorter than the server's: a request on a connection that is just being closed is lost. Node's servers wait 5 s.
const IDLE_MS = 4_000;
const CONNECT_MS = 10_000;
// Headers of the connection, which undici rejects.
const CONNECTION_HEADERS = new Set(['connection', 'expect', 'keep-alive', 'transfer-encoding', 'upgrade']);
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/;

let dispatcher: Undici.Agent | undefined;

/** An HTTP request. */
export interface HttpRequest {
  readonly method: string;
  /** By their lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/**
 * Sends an HTTP request over a keep-alive connection, without following redirects. Takes a third of the time of `node:http`;
 * unlike `fetch`, it has no limit of five minutes for a response or an event.
 *
 * @throws TypeError with the system's error as its cause, like `fetch`; the reason of `signal` if that is aborted
 */
export function sendRequest(
  url: URL,
  { method, body, headers: own }: HttpRequest,
  signal: Cancellation,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const headers = sendable({ 'user-agent': 'express-mcpo', ...own, 'accept-encoding': 'identity' });
    const response = new HttpResponse(signal, (error) => {
      if (error) reject(error);
      else resolve(response);
    });
    const target = { origin: url.origin, path: `${url.pathname}${url.search}` };
    const verb = method as Undici.Dispatcher.HttpMethod;
    agent().dispatch({ ...target, method: verb, headers, body: body ?? null }, response);
  });
}

/**
 * The headers for undici, without those that it rejects: after a rejected request, undici 6.29 neither reuses nor releases the
 * connection.
 */
function sendable(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (CONNECTION_HEADERS.has(name)) return [];
    if (!SENDABLE.test(value)) throw new TypeError(`the header ${name} has invalid characters`);
    return [name, value];
  });
}

/** Loads undici, which takes some 17 MB, at the first request only. */
function agent(): Undici.Agent {
  if (!dispatcher) {
    // A form that bundlers follow. By its file: Bun has something else of the name undici, without `dispatch`.
    const { Agent } = require('undici/index.js') as typeof Undici;
    const idle = { keepAliveTimeout: IDLE_MS, keepAliveMaxTimeout: IDLE_MS };
    dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0, ...idle, connect: { timeout: CONNECT_MS } });
  }
  return dispatcher;
}
