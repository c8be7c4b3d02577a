import type { IncomingMessage } from 'node:http';
import type { ToolCall } from '../calls/call';
import type { Canceller } from '../util/cancellation';
import type { ToolEntry } from '../servers/tool-entry';

/** What the layers have found out of a request so far. */
export interface RequestState {
  /** Its id. */
  id: string;
  /** When it came, on the clock of `performance.now()`. */
  begunAt: number;
  /** The tool that its path names, from the layer `resolve` on. */
  entry: ToolEntry | undefined;
  /** What it has become, from the layer `readArguments` on, and what ends it when its caller leaves. */
  call: ToolCall | undefined;
  canceller: Canceller | undefined;
}

const STATE = Symbol('express-mcpo');

type Owner = IncomingMessage & { [STATE]: RequestState | undefined };

/** What is known of a request, kept with it under a symbol that nobody else has: a WeakMap costs two microseconds more. */
export function stateOf(req: IncomingMessage): RequestState {
  return (req as Owner)[STATE] ?? newState(req);
}

/** Starts the clock of a request, of which nothing is known yet. */
export function newState(req: IncomingMessage): RequestState {
  const state = { id: 'unknown', begunAt: performance.now(), entry: undefined, call: undefined, canceller: undefined };
  (req as Owner)[STATE] = state;
  return state;
}
