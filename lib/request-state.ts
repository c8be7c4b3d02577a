import type { IncomingMessage } from 'node:http';
import type { ToolCall } from './call';
import type { Tool } from './mcp/tool';

/** What the layers have found out of a request so far. */
export interface RequestState {
  /** Its id. */
  id: string;
  /** When it came, on the clock of `performance.now()`. */
  begunAt: number;
  /** The tool that its path names, from the layer `resolve` on. */
  target: Tool | undefined;
  /** What it has become, from the layer `readArguments` on. */
  call: ToolCall | undefined;
}

const STATE = Symbol('express-mcpo');

/**
 * What is known of a request, kept with it under a symbol that nobody else has.
 *
 * A WeakMap would do as well, and costs two microseconds for each request: at every collection of garbage it is looked
 * through.
 */
export function stateOf(req: IncomingMessage): RequestState {
  const owner = req as IncomingMessage & { [STATE]: RequestState | undefined };
  owner[STATE] ??= { id: 'unknown', begunAt: performance.now(), target: undefined, call: undefined };
  return owner[STATE];
}
