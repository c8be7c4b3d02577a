import type { Caller } from '../calls/caller';
import { isMcpoError } from '../errors';
import { Catalogue } from '../mcp/tools/catalogue';
import { Connection } from '../mcp/session/connection';
import { ProcessSays } from '../mcp/session/handshake';
import type { BufferedBytes } from '../util/buffered-bytes';
import type { Logger } from '../util/logger';
import { CatalogueRefresh } from '../mcp/tools/catalogue-refresh';
import type { Tool } from '../mcp/tools/tool';
import { OutageLog } from './outage';
import type { ToolEntry } from './tool-entry';
import type { TransportSpec } from '../mcp/transport-spec';

/** What a server says of itself. */
export interface ServerInfo {
  readonly title: string;
  readonly version: string;
  readonly instructions: string | undefined;
}

/** How connections to one server are made. */
export interface ConnectorConfig {
  readonly name: string;
  readonly transport: TransportSpec;
  readonly isServed: (tool: string) => boolean;
  readonly connectTimeoutMs: number;
  /** What the router holds. */
  readonly buffers: BufferedBytes;
}

/** Makes the connections to one server, and learns its tools from them. */
export class Connector {
  readonly catalogue: Catalogue<ToolEntry>;
  readonly #config: ConnectorConfig;
  readonly #logger: Logger;
  readonly listing: CatalogueRefresh;
  readonly #outages: OutageLog;
  #latest: Connection | undefined;
  #serverName: string | undefined;

  /** @param makeEntry - makes what is known of a tool, once for each definition */
  constructor(config: ConnectorConfig, logger: Logger, makeEntry: (tool: Tool) => ToolEntry) {
    this.#config = config;
    this.#logger = logger;
    this.catalogue = new Catalogue(config.name, config.isServed, logger, makeEntry);
    this.#outages = new OutageLog(config.name, logger);
    this.listing = new CatalogueRefresh(config.name, this.catalogue, logger);
  }

  /** The `serverInfo.name`, known before the tools are. */
  get serverName(): string | undefined {
    return this.#serverName;
  }

  /** What the server said of itself; `undefined` until it has been reached. */
  get info(): ServerInfo | undefined {
    if (!this.#latest) return undefined;
    const { title, name, version } = this.#latest.serverInfo;
    return { title: title ?? name, version, instructions: this.#latest.instructions };
  }

  /**
   * A connection of the server's own, which counts as made once the tools are known: the server may be a newer one than that of
   * the connection before.
   */
  async open(signal: AbortSignal): Promise<Connection> {
    try {
      const connection = await this.#connect({}, signal);
      this.#serverName = connection.serverInfo.name;
      this.listing.follow(connection);
      await this.#learn(connection, signal);
      this.#latest = connection;
      this.#outages.reached();
      return connection;
    } catch (error) {
      if (!isClosing(signal)) this.#outages.failed(logText(error));
      throw error;
    }
  }

  /** A connection for one caller alone: it sends that caller's headers, or holds that caller's state. */
  async openFor({ headers }: Caller, signal: AbortSignal): Promise<Connection> {
    try {
      return await this.#connect(headers, signal);
    } catch (error) {
      this.#logger.debug(`mcpo: server ${this.#config.name}, for a caller: ${logText(error)}`);
      throw error;
    }
  }

  async #connect(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Connection> {
    const { transport, connectTimeoutMs, buffers } = this.#config;
    return Connection.open(transport, { connectTimeoutMs, headers, buffers, logger: this.#logger, signal });
  }

  async #learn(connection: Connection, signal: AbortSignal): Promise<void> {
    const giveUp = (): void => void connection.close();
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await this.listing.read(connection);
    } catch (error) {
      await connection.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }
}

/** Whether it is given up because the app wants no more of it, and not because it takes too long. */
function isClosing({ reason }: AbortSignal): boolean {
  return isMcpoError(reason) && reason.code === 'MCPO_CLOSING';
}

/** For the operator alone: with what the process says. */
function logText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof ProcessSays ? error.cause.message : error.message;
}
