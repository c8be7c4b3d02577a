import { McpError as RpcError, ErrorCode as RpcCode } from '@modelcontextprotocol/sdk/types.js';
import { callerGone } from '../../errors';
import { signalOf } from '../../util/cancellation';
import { isObject } from '../../util/json-object';
import { badResponse } from './failures';
import { type CallOptions, type CallResult, isCallResult, timedOut } from './pending-call';

/** Where the server suggests no interval, and the bounds of what it may suggest, in milliseconds. */
const POLL_MS = 1_000;
const SHORTEST_POLL_MS = 50;
const LONGEST_POLL_MS = 10_000;
const CANCEL_TIMEOUT_MS = 5_000;
const RUNNING: ReadonlySet<unknown> = new Set(['working', 'input_required']);
const TIMED_OUT: number = RpcCode.RequestTimeout;

type Params = Readonly<Record<string, unknown>>;

/** Sends a request; resolves with its result. */
export type SendRequest = (
  request: { method: string; params: Params },
  options: { timeout: number; signal?: AbortSignal },
) => Promise<Params>;

/**
 * Calls a tool that its server runs as a task only (MCP 2025-11-25, "Tasks"), and polls it until it has ended. Each answer to a
 * poll counts as progress. The task is cancelled when the caller leaves or the time is over.
 *
 * @throws McpoError MCPO_CALLER_GONE, MCPO_TIMEOUT or MCPO_BAD_RESPONSE; else the error of the transport or the server
 */
export async function callAsTask(
  send: SendRequest,
  name: string,
  args: Params,
  { signal: cancellation, timeoutMs, maxTotalTimeoutMs, meta }: CallOptions,
): Promise<CallResult> {
  const begunAt = performance.now();
  const signal = signalOf(cancellation);
  let taskId: string | undefined;
  const request = async (method: string, params: Params): Promise<Params> => {
    const left = begunAt + maxTotalTimeoutMs - performance.now();
    if (left <= 0) throw timedOut(performance.now() - begunAt);
    return send({ method, params }, { timeout: Math.ceil(Math.min(timeoutMs, left)), signal });
  };
  try {
    signal.throwIfAborted();
    const { task } = await request('tools/call', { name, arguments: args, task: {}, _meta: { ...meta } });
    if (!isObject(task) || typeof task.taskId !== 'string') throw badResponse();
    ({ taskId } = task);
    for (let state: Params = task; RUNNING.has(state.status);) {
      const longest = Math.min(LONGEST_POLL_MS, begunAt + maxTotalTimeoutMs - performance.now());
      await pause(Math.min(longest, Math.max(SHORTEST_POLL_MS, Number(state.pollInterval) || POLL_MS)), signal);
      state = await request('tasks/get', { taskId });
    }
    const result = await request('tasks/result', { taskId });
    taskId = undefined;
    if (!isCallResult(result)) throw badResponse();
    return result;
  } catch (error) {
    // The task may have ended by itself meanwhile.
    if (taskId !== undefined) {
      send({ method: 'tasks/cancel', params: { taskId } }, { timeout: CANCEL_TIMEOUT_MS }).catch(() => undefined);
    }
    if (signal.aborted) throw callerGone({ outcome: 'unknown' });
    const isLate = error instanceof RpcError && error.code === TIMED_OUT;
    throw isLate ? timedOut(performance.now() - begunAt) : error;
  }
}

/** Resolves after `ms`, or as soon as the signal is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}
