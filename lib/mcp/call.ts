import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { type CallToolResult, ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { McpoError } from '../errors';
import { badResponse } from './faults';

/** What a tool answered. */
export type CallResult = CallToolResult;

/** Limits of one call. */
export interface CallOptions {
  /** Cancels the call; the server is told. */
  readonly signal: AbortSignal;
  /** How long it may go without an answer or progress, in milliseconds. */
  readonly timeoutMs: number;
  /** How long it may take in all, in milliseconds. */
  readonly maxTotalTimeoutMs: number;
  /** `_meta` of the request. */
  readonly meta?: object | undefined;
}

/**
 * Sends `tools/call` and waits for the answer, within the limits of time; progress starts the time without an answer anew.
 *
 * @throws McpoError MCPO_CALLER_GONE, MCPO_TIMEOUT or MCPO_BAD_RESPONSE; else whatever the SDK or the transport throws
 */
export async function callTool(
  client: Client,
  name: string,
  args: Readonly<Record<string, unknown>>,
  { signal, timeoutMs, maxTotalTimeoutMs, meta }: CallOptions,
): Promise<CallResult> {
  const isGone = (): boolean => signal.aborted;
  if (isGone()) throw callerGone();
  const started = performance.now();
  let heard = started;
  const abort = new AbortController();
  const cancel = (): void => {
    abort.abort('the caller has gone');
  };
  signal.addEventListener('abort', cancel, { once: true });
  // The SDK looks at the total only when there is progress, which also prolongs the call.
  let total: NodeJS.Timeout | undefined;
  const onprogress = (): void => {
    heard = performance.now();
    const left = started + maxTotalTimeoutMs - heard;
    total ??= setTimeout(() => {
      abort.abort('the call takes too long');
    }, left).unref();
  };
  try {
    const params = { name, arguments: args, ...(meta && { _meta: { ...meta } }) };
    const result = await client.request({ method: 'tools/call', params }, ResultSchema, {
      signal: abort.signal,
      timeout: timeoutMs,
      resetTimeoutOnProgress: true,
      onprogress,
    });
    if (!isCallResult(result)) throw badResponse();
    return result;
  } catch (error) {
    if (isGone()) throw callerGone();
    if (abort.signal.aborted || isLocalTimeout(error, heard, timeoutMs)) throw timedOut(performance.now() - started);
    throw error;
  } finally {
    clearTimeout(total);
    signal.removeEventListener('abort', cancel);
  }
}

function isCallResult(result: object): result is CallResult {
  const { content, structuredContent } = result as { content?: unknown; structuredContent?: unknown };
  if (content === undefined) return isObject(structuredContent);
  return (
    Array.isArray(content) &&
    content.every(isObject) &&
    (structuredContent === undefined || isObject(structuredContent))
  );
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The server may send the same code; only ours comes when it has not been heard of for that long. */
function isLocalTimeout(error: unknown, heard: number, timeoutMs: number): boolean {
  const { code } = error as { code?: unknown };
  // Timers may fire up to a millisecond early.
  return code === -32001 && performance.now() - heard >= timeoutMs - 2;
}

function timedOut(afterMs: number): McpoError {
  return new McpoError('MCPO_TIMEOUT', `the MCP server did not answer within ${String(Math.round(afterMs))} ms`, {
    outcome: 'unknown',
  });
}

function callerGone(): McpoError {
  return new McpoError('MCPO_CALLER_GONE', 'the caller closed the connection', { outcome: 'unknown' });
}
