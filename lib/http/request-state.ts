import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { ToolCall } from '../calls/call';
import type { Canceller } from '../util/cancellation';
import type { ToolEntry } from '../servers/tool-entry';

/** What the layers have found out of a request so far. */
export interface RequestState {
  /** Its id. */
  id: string;
  /** When it came, on the clock of `performance.now()`. */
  begunAt: number;
  /** Its headers; `observe` and `readArguments` look at them anew, as the host may put others in their place. */
  headers: IncomingHttpHeaders;
  /** The tool that its path names, from the layer `resolve` on. */
  entry: ToolEntry | undefined;
  /** What it has become, from the layer `readArguments` on, and what ends it when its caller leaves. */
  call: ToolCall | undefined;
  canceller: Canceller | undefined;
}

const STATE = Symbol('express-mcpo');

type Owner = IncomingMessage & { [STATE]: RequestState | undefined };

/**
 * A property of a request or response, for the hot path.
 *
 * For the hidden classes of {@link stateOf}, V8 looks up and remembers each place that reads a property of the object anew, in
 * a quarter of a microsecond. Of a place that reads many properties it has learnt that this is of no use: a tenth of that.
 */
export function propertyOf<T extends object, K extends keyof T>(object: T, property: K): T[K] {
  return object[property];
}

/**
 * What is known of a request, kept with it under a symbol that nobody else has.
 *
 * A WeakMap would do as well, and costs two microseconds for each request: at every collection of garbage it is looked
 * through. What stands here is not read from the request again: Express changes the prototype of each request, after which
 * V8 (in Node 20) gives it a hidden class of its own, and every place that reads a property of it takes the slow way.
 */
export function stateOf(req: IncomingMessage): RequestState {
  return propertyOf(req as Owner, STATE) ?? newState(req);
}

/** Starts the clock of a request, of which nothing is known yet. */
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
