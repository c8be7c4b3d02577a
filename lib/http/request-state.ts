import type { IncomingMessage } from 'node:http';
import type { ToolCall } from '../calls/call';
import type { Canceller } from '../util/cancellation';
import type { ToolEntry } from '../servers/tool-entry';

/** What the layers know of a request so far. */
export interface RequestState {
  /** The `X-Request-Id`. */
  id: string;
  /** When the request arrived, on the clock of `performance.now()`. */
  begunAt: number;
  /** The tool, from the layer `resolve` on. */
  entry: ToolEntry | undefined;
  /** The call, from the layer `readArguments` on, and what cancels it when its caller leaves. */
  call: ToolCall | undefined;
  canceller: Canceller | undefined;
}

const STATE = Symbol('express-mcpo');

type Owner = IncomingMessage & { [STATE]: RequestState | undefined };

/** The state of a request, stored on it under a private symbol: a WeakMap costs two microseconds more. */
export function stateOf(req: IncomingMessage): RequestState {
  return (req as Owner)[STATE] ?? newState(req);
}

/** Creates the state of a new request and starts its clock. */
export function newState(req: IncomingMessage): RequestState {
  const state = { id: 'unknown', begunAt: performance.now(), entry: undefined, call: undefined, canceller: undefined };
  (req as Owner)[STATE] = state;
  return state;
}
