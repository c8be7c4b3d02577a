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
import { asMcpoError, isConnectionGone, isUnknownThere, connectionGone } from './failures';
import { answerInvalidMessages } from '../json-rpc';
import { answerSendFailures, sendFailureOf } from './send-failure';
import { type OpenOptions, closeTransport, shakeHands } from './handshake';
import type { ToolDefinition } from '../tools/tool';
import { readToolList } from '../tools/list-tools';
import type { TransportSpec } from '../transport-spec';

const CLIENT: Implementation = { name: 'express-mcpo', version: '0.1.0' };

const FORGOTTEN_MS = 5_000;

/** The SDK closes a transport that cannot shake hands without looking at what becomes of that. */
class QuietClient extends Client {
  override async close(): Promise<void> {
    await super.close().catch(() => undefined);
  }
}

/** One initialised MCP session over one transport; many calls may be under way at once. */
export class Connection {
  readonly #client = new QuietClient(CLIENT);
  readonly #transport: Transport;
  readonly #logger: Logger;
  readonly #keepsSession: boolean;
  readonly #openAnother: () => Promise<Connection>;
  readonly #onClose: (() => void)[] = [];
  /** Once hands have been shaken. */
  #calls: Calls | undefined;
  #closed = false;
  #gone = false;
  /** Whether the session is forgotten, while that is being found out for all calls that were refused. */
  #isForgotten: Promise<boolean> | undefined;

  private constructor(transport: Transport, spec: TransportSpec, options: OpenOptions) {
    const { logger } = options;
    this.#transport = transport;
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
      if (!isUnknownThere(cause) && !isMethodRefused(cause)) throw error;
      return Connection.#open({ ...spec, mode: 'sse' }, options);
    }
  }

  static async #open(spec: TransportSpec, options: OpenOptions): Promise<Connection> {
    return shakeHands(spec, options, async (transport) => {
      const connection = new Connection(transport, spec, options);
      await connection.#client.connect(transport, { timeout: options.connectTimeoutMs });
      connection.#calls = new Calls(transport, (error) => connection.#client.onerror?.(error));
      answerSendFailures(transport);
      // The transports of this package's own have looked at what they hand on.
      if (spec.kind === 'custom') answerInvalidMessages(transport);
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

  /** Whether it takes no more calls: it has ended, or there is nobody at the other end who knows it. */
  get closed(): boolean {
    return this.#closed || this.#gone;
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
    return readToolList(async (cursor) => {
      const params = cursor === undefined ? {} : { params: { cursor } };
      try {
        return await this.#client.request({ method: 'tools/list', ...params }, ResultSchema);
      } catch (error) {
        throw sendFailureOf(error) ?? error;
      }
    }, this.#logger);
  }

  /**
   * Calls a tool.
   *
   * @throws McpoError without `outcome` when the call was surely not made, with `outcome: 'unknown'` when it may have been
   */
  call(name: string, args: Readonly<Record<string, unknown>>, options: CallOptions): Promise<CallResult> {
    if (this.closed || !this.#calls)
      return Promise.reject(connectionGone('the connection to the MCP server is closed'));
    return this.#calls.call(name, args, options).catch(this.#onFailure);
  }

  readonly #onFailure = async (error: unknown): Promise<never> => {
    const forgotten = isUnknownThere(error) && (await (this.#isForgotten ??= this.#findForgotten()));
    const fault = asMcpoError(error, { closed: this.#closed, forgotten });
    // Others that are under way may still be answered.
    if (isConnectionGone(fault)) this.#gone = true;
    throw fault;
  };

  /** Asks for a sign of life. */
  async ping(timeoutMs: number): Promise<void> {
    await this.#client.ping({ timeout: timeoutMs });
  }

  /**
   * Asks whether the server still knows the session.
   *
   * @throws McpoError MCPO_SERVER_DOWN when it does not, for which the connection had gone
   */
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
      await this.ping(FORGOTTEN_MS);
      return false;
    } catch (error) {
      return isUnknownThere(sendFailureOf(error) ?? error);
    }
  }

  /** Ends the session; calls under way fail. */
  async close(): Promise<void> {
    await closeTransport(this.#transport, this.#logger);
    // A transport of an app's own may forget to tell.
    if (!this.#closed) this.#transport.onclose?.();
  }
}

/** What the SDK has to say, without what it quotes: that is an answer, a message, or a part of one. */
function withoutQuotes({ message }: Error): string {
  return message.replace(/\s*[:"[{].*$/s, '');
}

function isMethodRefused(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === 405;
}
