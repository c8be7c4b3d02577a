import type { CallToolResult, JSONRPCErrorResponse, JSONRPCResultResponse } from '@modelcontextprotocol/sdk/types.js';
import { McpError as RpcError } from '@modelcontextprotocol/sdk/types.js';
import type { Cancellation } from '../../util/cancellation';
import { McpoError } from '../../errors';
import { badResponse } from './failures';

/** What a tool answered. */
export type CallResult = CallToolResult;

/** How far a tool says it has come (MCP, "Progress"). */
export interface Progress {
  /** Grows with each notification. */
  readonly progress: number;
  /** What `progress` is when the tool is done, where the tool knows it. */
  readonly total?: number | undefined;
  /** What it is at, in words. */
  readonly message?: string | undefined;
}

/** Limits of one call. */
export interface CallOptions {
  /** Cancels the call; the server is told. */
  readonly signal: Cancellation;
  /** How long it may go without an answer or progress, in milliseconds. */
  readonly timeoutMs: number;
  /** How long it may take in all, in milliseconds. */
  readonly maxTotalTimeoutMs: number;
  /** `_meta` of the request. */
  readonly meta?: object | undefined;
  /** Told how far the tool has come; must not throw. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** Who waits for a call. */
export interface CallWaiter {
  resolve(result: CallResult): void;
  reject(error: unknown): void;
  /** The call has ended. With a reason, the server has not answered yet and may be told why it need not. */
  ended(cancelledFor?: string): void;
}

/**
 * One `tools/call` that has been sent, within its limits of time; progress starts the time without an answer anew. Whatever
 * ends it first ends it.
 */
export class PendingCall {
  readonly #waiter: CallWaiter;
  readonly #options: CallOptions;
  readonly #startedAt = performance.now();
  readonly #silence: NodeJS.Timeout;
  // Progress prolongs the call: without it there is no need to look at the total.
  #total: NodeJS.Timeout | undefined;

  constructor(options: CallOptions, waiter: CallWaiter) {
    this.#options = options;
    this.#waiter = waiter;
    this.#silence = setTimeout(this.#onLate, options.timeoutMs).unref();
    options.signal.addEventListener('abort', this.#onGone, { once: true });
  }

  /** The server has told that it is at it. */
  progressed(params: unknown): void {
    this.#silence.refresh();
    const left = this.#startedAt + this.#options.maxTotalTimeoutMs - performance.now();
    this.#total ??= setTimeout(this.#onLate, left).unref();
    const { onProgress } = this.#options;
    const progress = onProgress && progressOf(params);
    if (progress) onProgress(progress);
  }

  /** The server has answered. */
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

  /** It cannot be sent, or not be answered any more. */
  failed(error: unknown): void {
    this.#end();
    this.#waiter.reject(error);
  }

  readonly #onLate = (): void => {
    this.#end('no answer came in time');
    this.#waiter.reject(timedOut(performance.now() - this.#startedAt));
  };

  readonly #onGone = (): void => {
    this.#end('the caller has gone');
    this.#waiter.reject(callerGone());
  };

  #end(cancelledFor?: string): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#total);
    this.#options.signal.removeEventListener('abort', this.#onGone);
    this.#waiter.ended(cancelledFor);
  }
}

/** Of what a server says of its progress, what it may say. */
function progressOf(params: unknown): Progress | undefined {
  const { progress, total, message } = params as Partial<Record<keyof Progress, unknown>>;
  if (typeof progress !== 'number') return undefined;
  return {
    progress,
    ...(typeof total === 'number' && { total }),
    ...(typeof message === 'string' && { message }),
  };
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

function timedOut(afterMs: number): McpoError {
  return new McpoError('MCPO_TIMEOUT', `the MCP server did not answer within ${String(Math.round(afterMs))} ms`, {
    outcome: 'unknown',
  });
}

/** How a call ends whose caller leaves while the tool may be running. */
export function callerGone(): McpoError {
  return new McpoError('MCPO_CALLER_GONE', 'the caller closed the connection', { outcome: 'unknown' });
}
