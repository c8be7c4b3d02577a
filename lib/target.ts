import type { IncomingMessage } from 'node:http';
import type { Tool } from './mcp/tool';

const targets = new WeakMap<IncomingMessage, Tool>();

/** The tool that a request's path names, from the `resolve` layer on. */
export function targetOf(req: IncomingMessage): Tool | undefined {
  return targets.get(req);
}

/** Makes `tool` the target of `req`. */
export function bindTarget(req: IncomingMessage, tool: Tool): void {
  targets.set(req, tool);
}
