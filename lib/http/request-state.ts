import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { ToolCall } from '../calls/call';
import type { Canceller } from '../util/cancellation';
import type { ToolEntry } from '../servers/tool-entry';

/** What the layers know of a request so far. */
export interface RequestState {
  /** The `X-Request-Id`. */
  id: string;
  /** When the request arrived, on the clock of `performance.now()`. */
  begunAt: number;
  /** The headers. `observe` and `readArguments` update them, as the host may replace them. */
  headers: IncomingHttpHeaders;
  /** The tool, from the layer `resolve` on. */
  entry: ToolEntry | undefined;
  /** The call, from the layer `readArguments` on, and what cancels it when its caller leaves. */
  call: ToolCall | undefined;
  canceller: Canceller | undefined;
}

const STATE = Symbol('express-mcpo');

type Owner = IncomingMessage & { [STATE]: RequestState | undefined };

/**
 * Reads a property of a request or response on the hot path.
 *
 * Each request has a hidden class of its own (see {@link stateOf}), so every access misses its inline cache: 250 ns. This
 * shared access is megamorphic, which is ten times faster.
 */
export function propertyOf<T extends object, K extends keyof T>(object: T, property: K): T[K] {
  return object[property];
}

/**
 * The state of a request, stored on it under a private symbol.
 *
 * A WeakMap costs two microseconds per request in garbage collections. Express changes the prototype of each request, after
 * which V8 (Node 20) gives it a hidden class of its own and every property access is slow: what is in the state is not
 * read from the request again.
 */
export function stateOf(req: IncomingMessage): RequestState {
  return propertyOf(req as Owner, STATE) ?? newState(req);
}

/** Creates the state of a new request and starts its clock. */
export function newState(req: IncomingMessage): RequestState {
  const { headers } = req;
  const state = {
    id: 'unknown',
    begunAt: performance.now(),
    headers,
    entry: undefined,
    call: undefined,
    canceller: undefined,
  };
  (req as Owner)[STATE] = state;
  return state;
}
