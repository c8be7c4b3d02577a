import { McpoError, isMcpoError } from '../errors';
import { Callers, type CallerHeaders } from './callers';
import { Catalogue } from './catalogue';
import type { CallResult } from './call';
import { Connection, type Logger } from './connection';
import { Link, type LinkState } from './link';
import type { Tool } from './tool';
import type { TransportSpec } from './transport';

/** What a server is made of, checked and complete. */
export interface McpServerConfig {
  readonly name: string;
  readonly transport: TransportSpec;
  readonly isServed: (tool: string) => boolean;
  readonly timeoutMs: number;
  readonly maxTotalTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

/** What a call needs beside the tool and its arguments. */
export interface UpstreamCall {
  /** Cancels the call. */
  readonly signal: AbortSignal;
  /** The caller's own headers; such a call never shares a connection with other headers. */
  readonly caller?: CallerHeaders | undefined;
}

/** The state of a server as `/health` and `stats` show it. */
export interface ServerStatus {
  /** `up` when calls can be made. */
  readonly state: LinkState;
  /** Since when it has been up, or not, in ISO 8601. */
  readonly since: string;
  /** How many tools are served. */
  readonly tools: number;
  /** How many connections are open. */
  readonly connections: number;
  /** Why it is, or was last, down. */
  readonly lastError?: string;
}

/** One MCP server: keeps a connection to it, knows its tools and calls them. */
export class McpServer {
  readonly catalogue: Catalogue;
  readonly #config: McpServerConfig;
  readonly #logger: Logger;
  readonly #onUp: () => void;
  readonly #link: Link;
  readonly #callers: Callers;
  #connection: Connection | undefined;
  #listing: Promise<void> | undefined;
  #listAgain = false;

  /** @param onUp - told each time that a connection has been made */
  constructor(config: McpServerConfig, logger: Logger, onUp: () => void) {
    this.#config = config;
    this.#onUp = onUp;
    this.#logger = logger;
    this.catalogue = new Catalogue(config.name, config.isServed, logger);
    this.#link = new Link((signal) => this.#open(signal));
    this.#callers = new Callers((caller, signal) => this.#connect(caller.headers, signal));
  }

  get name(): string {
    return this.#config.name;
  }

  /** What the server said of itself; `undefined` until it has been reached. */
  get info():
    { readonly title: string; readonly version: string; readonly instructions: string | undefined } | undefined {
    const connection = this.#connection;
    if (!connection) return undefined;
    const { title, name, version } = connection.serverInfo;
    return { title: title ?? name, version, instructions: connection.instructions };
  }

  get status(): ServerStatus {
    const error = this.#link.lastError;
    return {
      state: this.#link.state,
      since: this.#link.since.toISOString(),
      tools: this.catalogue.size,
      connections: (this.#link.state === 'up' ? 1 : 0) + this.#callers.size,
      ...(error !== undefined && { lastError: error.message }),
    };
  }

  /** Connects; resolves when the first try has succeeded or failed. */
  start(): Promise<void> {
    return this.#link.start();
  }

  /**
   * Calls a tool.
   *
   * @throws McpoError without `outcome` when nothing was sent, with `outcome: 'unknown'` when the tool may have run
   */
  async call(tool: Tool, args: Readonly<Record<string, unknown>>, call: UpstreamCall): Promise<CallResult> {
    const connection = call.caller ? await this.#callers.get(call.caller) : await this.#link.get();
    const { timeoutMs, maxTotalTimeoutMs } = this.#config;
    return connection.call(tool.name, args, { signal: call.signal, timeoutMs, maxTotalTimeoutMs });
  }

  /** The 503 for a tool that cannot be looked up because the server has not been reached yet. */
  unreachable(): McpoError {
    try {
      void this.#link.get();
    } catch (error) {
      if (isMcpoError(error)) return error;
    }
    return new McpoError('MCPO_SERVER_DOWN', 'the MCP server is still starting', { retryAfterMs: 1_000 });
  }

  /** Closes all connections and ends the child processes. */
  async close(): Promise<void> {
    await Promise.all([this.#link.close(), this.#callers.close()]);
  }

  #connect(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Connection> {
    const { transport, connectTimeoutMs } = this.#config;
    return Connection.open(transport, { connectTimeoutMs, headers, logger: this.#logger, signal });
  }

  /** A connection counts as made once its tools are known. */
  async #open(signal: AbortSignal): Promise<Connection> {
    try {
      const connection = await this.#connect({}, signal);
      connection.onToolsChanged(() => void this.#relist(connection));
      try {
        this.catalogue.replace(await connection.listTools());
      } catch (error) {
        await connection.close();
        throw error;
      }
      this.#connection = connection;
      this.#onUp();
      return connection;
    } catch (error) {
      if (!signal.aborted) this.#logger.warn(`mcpo: server ${this.name}: ${logText(error)}`);
      throw error;
    }
  }

  /** Reads the list again, once more if it changes while it is read. */
  async #relist(connection: Connection): Promise<void> {
    if (this.#listing) {
      this.#listAgain = true;
      return this.#listing;
    }
    this.#listing = connection
      .listTools()
      .then((definitions) => {
        this.catalogue.replace(definitions);
      })
      .catch((error: unknown) => {
        this.#logger.warn(`mcpo: server ${this.name}: its changed list of tools cannot be read: ${String(error)}`);
      });
    await this.#listing;
    this.#listing = undefined;
    if (!this.#listAgain) return;
    this.#listAgain = false;
    return this.#relist(connection);
  }
}

/** For the operator alone: with the reason behind the error. */
function logText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
