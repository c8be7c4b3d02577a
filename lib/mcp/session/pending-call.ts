import type { CallToolResult, JSONRPCErrorResponse, JSONRPCResultResponse } from '@modelcontextprotocol/sdk/types.js';
import { McpError as RpcError } from '@modelcontextprotocol/sdk/types.js';
import type { Cancellation } from '../../util/cancellation';
import { McpoError, callerGone } from '../../errors';
import { isObject } from '../../util/json-object';
import { BROKEN_OFF, badResponse } from './failures';

/** The result of a `tools/call`. */
export type CallResult = CallToolResult;

/** The progress of a tool (MCP, "Progress"). */
export interface Progress {
  /** Increases with each notification. */
  readonly progress: number;
  /** The final value of `progress`, if known. */
  readonly total?: number | undefined;
  /** A description of the progress. */
  readonly message?: string | undefined;
}

/** Options of one call. */
export interface CallOptions {
  /** Cancels the call, and notifies the server. */
  readonly signal: Cancellation;
  /** The maximum time without an answer or progress, in milliseconds. */
  readonly timeoutMs: number;
  /** The maximum total time, in milliseconds. */
  readonly maxTotalTimeoutMs: number;
  readonly meta?: object | undefined;
  /** Whether the server runs the tool as a task only: its `execution.taskSupport` is `required`. */
  readonly asTask?: boolean | undefined;
  /** Called with the progress of the tool. Must not throw. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /**
   * Called if the call was given up, when it has ended all the same: the server has answered, or the connection has closed.
   * Without it, a call that is given up is forgotten at once. Must not throw.
   */
  readonly onLateEnd?: (() => void) | undefined;
}

/** What a call reports to. */
export interface CallWaiter {
  resolve(result: CallResult): void;
  reject(error: unknown): void;
  /** Called when the call is given up before the server has answered. */
  cancel(reason: string): void;
  /** Called when an answer is no longer waited for; `isGivenUp`: there was none. */
  ended(isGivenUp: boolean): void;
}

/**
 * One `tools/call` that has been sent, with its timeouts. Progress restarts the timeout without an answer. A call that its
 * caller has given up is watched for its end, up to the maximum total time.
 */
export class PendingCall {
  readonly #waiter: CallWaiter;
  readonly #options: CallOptions;
  readonly #startedAt = performance.now();
  readonly #inactivity: NodeJS.Timeout;
  // Only started at the first progress, which prolongs the call.
  #total: NodeJS.Timeout | undefined;
  #isGivenUp = false;

  constructor(options: CallOptions, waiter: CallWaiter) {
    this.#options = options;
    this.#waiter = waiter;
    this.#inactivity = setTimeout(this.#onLate, options.timeoutMs);
    options.signal.addEventListener('abort', this.#onGone, { once: true });
  }

  progressed(params: unknown): void {
    if (this.#isGivenUp) return;
    this.#inactivity.refresh();
    this.#total ??= setTimeout(this.#onLate, this.#totalLeftMs);
    const { onProgress } = this.#options;
    const progress = onProgress && progressOf(params);
    if (progress) onProgress(progress);
  }

  answered(answer: JSONRPCResultResponse | JSONRPCErrorResponse): void {
    if (this.#isGivenUp) {
      // A response that was cut off tells nothing.
      this.#endLate('error' in answer && answer.error.data === BROKEN_OFF);
    } else if ('error' in answer) {
      const { code, message, data } = answer.error;
      this.failed(RpcError.fromError(code, message, data));
    } else if (isCallResult(answer.result)) {
      this.#end();
      this.#waiter.resolve(answer.result);
    } else {
      this.failed(badResponse());
    }
  }

  /** Ends the call without an answer: it could not be sent, or the connection has closed. */
  failed(error: unknown): void {
    if (this.#isGivenUp) {
      this.#endLate(false);
      return;
    }
    this.#end();
    this.#waiter.reject(error);
  }

  readonly #onLate = (): void => {
    this.#giveUp('the call timed out', timedOut(performance.now() - this.#startedAt));
  };

  readonly #onGone = (): void => {
    this.#giveUp('the caller has gone', callerGone({ outcome: 'unknown' }));
  };

  #end(): void {
    this.#stop();
    this.#waiter.ended(false);
  }

  #giveUp(reason: string, error: McpoError): void {
    this.#stop();
    this.#isGivenUp = true;
    this.#waiter.cancel(reason);
    const leftMs = this.#options.onLateEnd ? this.#totalLeftMs : 0;
    if (leftMs > 0) this.#total = setTimeout(() => this.#waiter.ended(true), leftMs).unref();
    else this.#waiter.ended(true);
    this.#waiter.reject(error);
  }

  #endLate(isCutOff: boolean): void {
    clearTimeout(this.#total);
    this.#waiter.ended(true);
    if (!isCutOff) this.#options.onLateEnd?.();
  }

  get #totalLeftMs(): number {
    return this.#startedAt + this.#options.maxTotalTimeoutMs - performance.now();
  }

  #stop(): void {
    clearTimeout(this.#inactivity);
    clearTimeout(this.#total);
    this.#options.signal.removeEventListener('abort', this.#onGone);
  }
}

/** The valid parts of a progress notification. */
function progressOf(params: unknown): Progress | undefined {
  const { progress, total, message } = params as Partial<Record<keyof Progress, unknown>>;
  if (typeof progress !== 'number') return undefined;
  return { progress, ...(typeof total === 'number' && { total }), ...(typeof message === 'string' && { message }) };
}

/** Whether a result is one of `tools/call`. */
export function isCallResult(result: object): result is CallResult {
  const { content, structuredContent } = result as { content?: unknown; structuredContent?: unknown };
  if (content === undefined) return structuredContent !== undefined;
  return Array.isArray(content) && content.every(isObject);
}

export function timedOut(afterMs: number): McpoError {
  return new McpoError('MCPO_TIMEOUT', `the MCP server did not answer within ${String(Math.round(afterMs))} ms`, {
    outcome: 'unknown',
  });
}
