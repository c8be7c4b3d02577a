import type { Answer, ToolCall } from './call';

/** Goes on with a call. */
export type Next = (call: ToolCall) => Promise<Answer>;

/**
 * One step of the way of a call: answers it, refuses it by throwing an {@link McpoError}, or goes on with `next(call)` and
 * does something before or after. Clean-up is `finally`.
 */
export type CallLayer = (call: ToolCall, next: Next) => Promise<Answer>;

/** Layers as one, the first outermost; the last answers by itself. */
export function pipeline(layers: readonly CallLayer[], last: Next): Next {
  return layers.reduceRight<Next>((next, layer) => (call) => layer(call, next), last);
}
