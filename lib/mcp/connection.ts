import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SseError } from '@modelcontextprotocol/sdk/client/sse.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type CallToolResult,
  type Implementation,
  ResultSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { McpoError } from '../errors';
import { asMcpoError, badResponse, isForgotten, isUnreachable, notSent } from './faults';
import { type OpenOptions, shakeHands } from './handshake';
import type { ToolDefinition } from './tool';
import { readToolList } from './tool-list';
import type { TransportSpec } from './transport';

/** Where messages go. */
export type Logger = Pick<Console, 'debug' | 'info' | 'warn' | 'error'>;

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
}

const CLIENT: Implementation = { name: 'express-mcpo', version: '0.1.0' };

/** One initialised MCP session over one transport; many calls may be under way at once. */
export class Connection {
  readonly #client = new Client(CLIENT);
  readonly #transport: Transport;
  readonly #logger: Logger;
  readonly #onClose: (() => void)[] = [];
  #closed = false;
  #inFlight = 0;

  private constructor(transport: Transport, logger: Logger) {
    this.#transport = transport;
    this.#logger = logger;
    this.#client.onclose = () => {
      this.#closed = true;
      for (const listener of this.#onClose.splice(0)) listener();
    };
    this.#client.onerror = (error) => {
      logger.debug(`mcpo: ${error.message}`);
      // The SDK's event stream would come back as a session that nobody has initialised.
      if (error instanceof SseError) void this.close();
    };
  }

  /**
   * Starts the transport and shakes hands. Leaves nothing behind when it fails.
   *
   * @throws McpoError MCPO_SERVER_DOWN, with the reason as its cause
   */
  static async open(spec: TransportSpec, options: OpenOptions): Promise<Connection> {
    if (spec.kind !== 'http' || spec.mode !== 'auto') return Connection.#open(spec, options);
    try {
      return await Connection.#open({ ...spec, mode: 'streamable-http' }, options);
    } catch (error) {
      // MCP specification, "Backwards compatibility": such a server may know the older transport.
      const cause = error instanceof Error ? error.cause : undefined;
      if (!isForgotten(cause) && !isMethodRefused(cause)) throw error;
      return Connection.#open({ ...spec, mode: 'sse' }, options);
    }
  }

  static async #open(spec: TransportSpec, options: OpenOptions): Promise<Connection> {
    return shakeHands(spec, options, async (transport) => {
      const connection = new Connection(transport, options.logger);
      await connection.#client.connect(transport, { timeout: options.connectTimeoutMs });
      return connection;
    });
  }

  /** What the server calls itself. */
  get serverInfo(): Implementation {
    return this.#client.getServerVersion() ?? { name: 'unknown', version: '0' };
  }

  /** How the server says it is to be used. */
  get instructions(): string | undefined {
    return this.#client.getInstructions();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How many calls are under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Tells once that the connection has ended, also when it has already. */
  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#onClose.push(listener);
  }

  /** Tells when the server's list of tools has changed. */
  onToolsChanged(listener: () => void): void {
    this.#client.setNotificationHandler(ToolListChangedNotificationSchema, listener);
  }

  /** All tools, from every page of the server's list. */
  async listTools(): Promise<readonly ToolDefinition[]> {
    if (!this.#client.getServerCapabilities()?.tools) return [];
    return readToolList((cursor) => {
      const params = cursor === undefined ? {} : { params: { cursor } };
      return this.#client.request({ method: 'tools/list', ...params }, ResultSchema);
    }, this.#logger);
  }

  /**
   * Calls a tool.
   *
   * @throws McpoError without `outcome` when the call was surely not made, with `outcome: 'unknown'` when it may have been
   */
  async call(name: string, args: Readonly<Record<string, unknown>>, options: CallOptions): Promise<CallResult> {
    if (this.#closed) throw notSent('the connection to the MCP server is closed');
    if (options.signal.aborted) throw callerGone();
    const { signal, timeoutMs, maxTotalTimeoutMs } = options;
    const started = performance.now();
    const abort = new AbortController();
    const cancel = (): void => {
      abort.abort('the caller has gone');
    };
    signal.addEventListener('abort', cancel, { once: true });
    // The SDK looks at the total only when there is progress, which also prolongs the call.
    let total: NodeJS.Timeout | undefined;
    const onprogress = (): void => {
      total ??= setTimeout(
        () => {
          abort.abort('the call takes too long');
        },
        started + maxTotalTimeoutMs - performance.now(),
      ).unref();
    };
    this.#inFlight += 1;
    try {
      const result = await this.#client.request(
        { method: 'tools/call', params: { name, arguments: args } },
        ResultSchema,
        {
          signal: abort.signal,
          timeout: timeoutMs,
          resetTimeoutOnProgress: true,
          onprogress,
        },
      );
      if (!isCallResult(result)) throw badResponse();
      return result;
    } catch (error) {
      if (signal.aborted) throw callerGone();
      if (abort.signal.aborted || isLocalTimeout(error, started, timeoutMs))
        throw timedOut(performance.now() - started);
      if (isForgotten(error) || isUnreachable(error)) void this.close();
      throw asMcpoError(error, this.#closed);
    } finally {
      this.#inFlight -= 1;
      clearTimeout(total);
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Asks for a sign of life. */
  async ping(timeoutMs: number): Promise<void> {
    await this.#client.ping({ timeout: timeoutMs });
  }

  /** Ends the session; calls under way fail. */
  async close(): Promise<void> {
    await this.#transport.close().catch((error: unknown) => {
      this.#logger.debug(`mcpo: closing failed: ${String(error)}`);
    });
  }
}

function isMethodRefused(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === 405;
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

/** The server may send the same code; only ours comes when the time is over. */
function isLocalTimeout(error: unknown, started: number, timeoutMs: number): boolean {
  const { code } = error as { code?: unknown };
  // Timers may fire up to a millisecond early.
  return code === -32001 && performance.now() - started >= timeoutMs - 2;
}

function timedOut(afterMs: number): McpoError {
  return new McpoError('MCPO_TIMEOUT', `the MCP server did not answer within ${String(Math.round(afterMs))} ms`, {
    outcome: 'unknown',
  });
}

function callerGone(): McpoError {
  return new McpoError('MCPO_CALLER_GONE', 'the caller closed the connection', { outcome: 'unknown' });
}
