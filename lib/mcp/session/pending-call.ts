import type { CallToolResult, JSONRPCErrorResponse, JSONRPCResultResponse } from '@modelcontextprotocol/sdk/types.js';
import { McpError as RpcError } from '@modelcontextprotocol/sdk/types.js';
import type { Cancellation } from '../../util/cancellation';
import { McpoError, callerGone } from '../../errors';
import { isObject } from '../../util/json-object';
import { badResponse } from './failures';

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
  /** Called with the progress of the tool. Must not throw. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** What a call reports to. */
export interface CallWaiter {
  resolve(result: CallResult): void;
  reject(error: unknown): void;
  /** Called at the end of the call; with a reason if it is cancelled before the server has answered. */
  ended(cancelledFor?: string): void;
}

/** One `tools/call` that has been sent, with its timeouts. Progress restarts the timeout without an answer. */
export class PendingCall {
  readonly #waiter: CallWaiter;
  readonly #options: CallOptions;
  readonly #startedAt = performance.now();
  readonly #inactivity: NodeJS.Timeout;
  // Only started at the first progress, which prolongs the call.
  #total: NodeJS.Timeout | undefined;

  constructor(options: CallOptions, waiter: CallWaiter) {
    this.#options = options;
    this.#waiter = waiter;
    this.#inactivity = setTimeout(this.#onLate, options.timeoutMs).unref();
    options.signal.addEventListener('abort', this.#onGone, { once: true });
  }

  progressed(params: unknown): void {
    this.#inactivity.refresh();
    const left = this.#startedAt + this.#options.maxTotalTimeoutMs - performance.now();
    this.#total ??= setTimeout(this.#onLate, left).unref();
    const { onProgress } = this.#options;
    const progress = onProgress && progressOf(params);
    if (progress) onProgress(progress);
  }

  answered(answer: JSONRPCResultResponse | JSONRPCErrorResponse): void {
    if ('error' in answer) {
      const { code, message, data } = answer.error;
      this.failed(RpcError.fromError(code, message, data));
    } else if (isCallResult(answer.result)) {
      this.#end();
      this.#waiter.resolve(answer.result);
    } else {
      this.failed(badResponse());
    }
  }

  failed(error: unknown): void {
    this.#end();
    this.#waiter.reject(error);
  }

  readonly #onLate = (): void => {
    this.#end('the call timed out');
    this.#waiter.reject(timedOut(performance.now() - this.#startedAt));
  };

  readonly #onGone = (): void => {
    this.#end('the caller has gone');
    this.#waiter.reject(callerGone({ outcome: 'unknown' }));
  };

  #end(cancelledFor?: string): void {
    clearTimeout(this.#inactivity);
    clearTimeout(this.#total);
    this.#options.signal.removeEventListener('abort', this.#onGone);
    this.#waiter.ended(cancelledFor);
  }
}

/** The valid parts of a progress notification. */
function progressOf(params: unknown): Progress | undefined {
  const { progress, total, message } = params as Partial<Record<keyof Progress, unknown>>;
  if (typeof progress !== 'number') return undefined;
  return { progress, ...(typeof total === 'number' && { total }), ...(typeof message === 'string' && { message }) };
}

function isCallResult(result: object): result is CallResult {
  const { content, structuredContent } = result as { content?: unknown; structuredContent?: unknown };
  if (content === undefined) return structuredContent !== undefined;
  return Array.isArray(content) && content.every(isObject);
}

function timedOut(afterMs: number): McpoError {
  return new McpoError('MCPO_TIMEOUT', `the MCP server did not answer within ${String(Math.round(afterMs))} ms`, {
    outcome: 'unknown',
  });
}
