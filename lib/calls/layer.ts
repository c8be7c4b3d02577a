import type { Answer, ToolCall } from './call';

/** Passes a call on to the next layer. */
export type Next = (call: ToolCall) => Promise<Answer>;

/**
 * One step in the processing of a call. It answers the call, rejects it by throwing an {@link McpoError}, or passes it on
 * with `next(call)`. Clean-up belongs into `finally`.
 */
export type CallLayer = (call: ToolCall, next: Next) => Promise<Answer>;
