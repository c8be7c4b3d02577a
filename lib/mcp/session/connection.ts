import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SseError } from '@modelcontextprotocol/sdk/client/sse.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  ErrorCode,
  type Implementation,
  McpError as RpcError,
  ResultSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { CallOptions, CallResult } from './pending-call';
import type { Logger } from '../../util/logger';
import { Calls } from './calls';
import { asMcpoError, isConnectionGone, isMethodUnknown, isRefusal, isUnknownThere, connectionGone } from './failures';
import { answerInvalidMessages, reviveNumbers } from '../json-rpc';
import { answerSendFailures, sendFailureOf } from './send-failure';
import { type OpenOptions, closeTransport, shakeHands } from './handshake';
import { type SendRequest, callAsTask } from './task';
import type { ToolDefinition } from '../tools/tool';
import { readToolList } from '../tools/list-tools';
import { StdioTransport } from '../stdio/transport';
import type { TransportSpec } from '../transport-spec';

const CLIENT: Implementation = { name: 'express-mcpo', version: '0.1.0' };
const SESSION_CHECK_TIMEOUT_MS = 5_000;

/** If the handshake fails, the SDK closes the transport and does not handle errors of that. */
class SafeClient extends Client {
  override async close(): Promise<void> {
    await super.close().catch(() => undefined);
  }
}

/** An initialised MCP session over one transport, which multiplexes calls. */
export class Connection {
  readonly #client = new SafeClient(CLIENT);
  readonly #transport: Transport;
  readonly #stdio: StdioTransport | undefined;
  readonly #logger: Logger;
  readonly #keepsSession: boolean;
  readonly #openAnother: () => Promise<Connection>;
  readonly #onClose: (() => void)[] = [];
  /** Set after the handshake. */
  #calls: Calls | undefined;
  #closed = false;
  #gone = false;
  /** Whether the session is forgotten, while that is being found out for all calls that were refused. */
  #isForgotten: Promise<boolean> | undefined;

  private constructor(transport: Transport, spec: TransportSpec, options: OpenOptions) {
    const { logger } = options;
    this.#transport = transport;
    this.#stdio = transport instanceof StdioTransport ? transport : undefined;
    this.#logger = logger;
    // The older transport has a session that it does not name.
    this.#keepsSession = spec.kind === 'http' && spec.mode === 'sse';
    this.#openAnother = () => Connection.#open(spec, options);
    this.#client.onclose = () => {
      this.#closed = true;
      for (const listener of this.#onClose.splice(0)) listener();
      this.#calls?.failAll(RpcError.fromError(ErrorCode.ConnectionClosed, 'the connection has closed'));
    };
    this.#client.onerror = (error) => {
      logger.debug(`mcpo: ${withoutQuotes(error)}`);
      // The SDK would reconnect to a session that is not initialised.
      if (error instanceof SseError) void this.close();
    };
  }

  /** Starts the transport and initialises the session. @throws McpoError MCPO_SERVER_DOWN, with the reason as cause */
  static async open(spec: TransportSpec, options: OpenOptions): Promise<Connection> {
    if (spec.kind !== 'http' || spec.mode !== 'auto') return Connection.#open(spec, options);
    try {
      return await Connection.#open({ ...spec, mode: 'streamable-http' }, options);
    } catch (error) {
      // MCP specification, "Backwards compatibility": the server may support the older transport only.
      const cause = error instanceof Error ? error.cause : undefined;
      if (!isUnknownThere(cause) && !isMethodRefused(cause)) throw error;
      return Connection.#open({ ...spec, mode: 'sse' }, options);
    }
  }

  static async #open(spec: TransportSpec, options: OpenOptions): Promise<Connection> {
    return shakeHands(spec, options, async (transport) => {
      const connection = new Connection(transport, spec, options);
      await connection.#client.connect(transport, { timeout: options.connectTimeoutMs });
      connection.#calls = new Calls(transport, (error) => connection.#client.onerror?.(error));
      if (connection.#keepsSession) reviveNumbers(transport);
      answerSendFailures(transport);
      // The other transports do so themselves.
      if (spec.kind === 'custom') answerInvalidMessages(transport);
      return connection;
    });
  }

  get serverInfo(): Implementation {
    return this.#client.getServerVersion() ?? { name: 'unknown', version: '0' };
  }

  get instructions(): string | undefined {
    return this.#client.getInstructions();
  }

  /** Whether it takes no more calls: it has ended, or the server has lost the session. */
  get closed(): boolean {
    return this.#closed || this.#gone;
  }

  /** Whether it should get no more calls for now: a child process does not read what has been sent to it. */
  get full(): boolean {
    return this.#stdio?.full ?? false;
  }

  /** Calls a listener whenever it is no longer {@link full}. */
  onRoom(listener: () => void): void {
    if (this.#stdio) this.#stdio.onroom = listener;
  }

  /** Calls a listener at the end of the connection, or at once if it has ended. */
  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#onClose.push(listener);
  }

  onToolsChanged(listener: () => void): void {
    this.#client.setNotificationHandler(ToolListChangedNotificationSchema, listener);
  }

  /** Reads the list of tools; `undefined` if the server does not know `tools/list`, whatever it announces. */
  async listTools(): Promise<readonly ToolDefinition[] | undefined> {
    return readToolList(async (cursor) => {
      const params = cursor === undefined ? {} : { params: { cursor } };
      try {
        return await this.#client.request({ method: 'tools/list', ...params }, ResultSchema);
      } catch (error) {
        const failure = sendFailureOf(error);
        if (isUnknownThere(failure)) return this.#onFailure(failure);
        throw failure ?? error;
      }
    }, this.#logger).catch((error: unknown) => {
      if (isMethodUnknown(error)) return undefined;
      throw error;
    });
  }

  /** Calls a tool. @throws McpoError with `outcome: 'unknown'` if the tool may have run */
  call(name: string, args: Readonly<Record<string, unknown>>, options: CallOptions): Promise<CallResult> {
    if (this.closed || !this.#calls)
      return Promise.reject(connectionGone('the connection to the MCP server is closed'));
    const result = options.asTask
      ? callAsTask(this.#request, name, args, options)
      : this.#calls.call(name, args, options);
    return result.catch(this.#onFailure);
  }

  readonly #request: SendRequest = async (request, options) => {
    try {
      return await this.#client.request(request, ResultSchema, options);
    } catch (error) {
      throw sendFailureOf(error) ?? error;
    }
  };

  readonly #onFailure = async (error: unknown): Promise<never> => {
    const forgotten = isUnknownThere(error) && (await (this.#isForgotten ??= this.#findForgotten()));
    const failure = asMcpoError(error, { closed: this.#closed, forgotten });
    // Other calls in flight may still be answered.
    if (isConnectionGone(failure)) this.#gone = true;
    throw failure;
  };

  /** How many messages the server has sent since the handshake. */
  get received(): number {
    return this.#calls?.received ?? 0;
  }

  /** Any answer will do, an error too; over HTTP also a status which says that the server takes no pings. */
  async ping(timeoutMs: number): Promise<void> {
    const { received } = this;
    try {
      await this.#client.ping({ timeout: timeoutMs });
    } catch (error) {
      const failure = sendFailureOf(error);
      if (this.received !== received || (failure && (await this.#isRefusedAlive(failure)))) return;
      throw failure ?? error;
    }
  }

  async #isRefusedAlive(failure: Error): Promise<boolean> {
    if (isUnknownThere(failure)) return !(await (this.#isForgotten ??= this.#findForgotten()));
    return isRefusal(failure);
  }

  /** Asks whether the server still knows the session. @throws McpoError MCPO_SERVER_DOWN if not */
  async check(): Promise<void> {
    if (!(await this.#isPingRefused())) return;
    this.#gone = true;
    throw connectionGone('the MCP server has forgotten the session');
  }

  /**
   * Whether the server has no session any more. It may also refuse just what it was sent: the proof is that it takes a ping
   * of a new session, but none of this one.
   */
  async #findForgotten(): Promise<boolean> {
    try {
      if (!(await this.#isPingRefused())) return false;
      const another = await this.#openAnother();
      const isTaken = !(await another.#isPingRefused());
      void another.close();
      return isTaken;
    } catch {
      return false;
    } finally {
      this.#isForgotten = undefined;
    }
  }

  async #isPingRefused(): Promise<boolean> {
    if (!this.#keepsSession && this.#transport.sessionId === undefined) return false;
    try {
      await this.#client.ping({ timeout: SESSION_CHECK_TIMEOUT_MS });
      return false;
    } catch (error) {
      return isUnknownThere(sendFailureOf(error) ?? error);
    }
  }

  /** Ends the session. Calls in flight fail. */
  async close(): Promise<void> {
    await closeTransport(this.#transport, this.#logger);
    // A transport of the host's own may not call `onclose`.
    if (!this.#closed) this.#transport.onclose?.();
  }
}

/** An error message of the SDK, without the message that it quotes. */
function withoutQuotes({ message }: Error): string {
  return message.replace(/[:"[{].*$/s, '').trimEnd();
}

function isMethodRefused(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === 405;
}
