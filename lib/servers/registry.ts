import type { ToolCall } from '../calls/call';
import type { BreakerConfig } from '../config/retry';
import type { ServerConfig } from '../config/server';
import { McpoError, isMcpoError } from '../errors';
import type { Caller } from '../auth/identity';
import type { Connection } from '../mcp/session/connection';
import type { ErrorReason } from '../pool/events';
import { PoolManager } from '../pool/pool-manager';
import { Drain } from '../util/drain';
import { McpServer } from './server';
import type { Tool } from '../mcp/tools/tool';
import type { Logger } from '../options';
import { CircuitBreaker } from '../retry/breaker';
import { Retrier } from '../retry/retry';

/** A server with what the HTTP side needs to know of it. */
export interface ServerEntry {
  readonly server: McpServer;
  readonly config: ServerConfig;
  /** Keeps calls away while the server cannot be reached. */
  readonly breaker: CircuitBreaker;
  readonly retrier: Retrier;
}

/** All servers of a router, by name; knows which calls are running, so that closing can wait for them. */
export class ServerRegistry {
  readonly #entries: ReadonlyMap<string, ServerEntry>;
  readonly #pools = new PoolManager<Connection, Caller>();
  readonly #quiet = new Drain(() => this.#running === 0);
  #running = 0;
  #closing = false;

  constructor(servers: readonly ServerConfig[], breaker: BreakerConfig, logger: Logger) {
    this.#entries = new Map(servers.map((config) => [config.name, entryOf(config, this.#pools, breaker, logger)]));
  }

  /** All servers, in the order of the options. */
  get entries(): readonly ServerEntry[] {
    return [...this.#entries.values()];
  }

  get servers(): readonly McpServer[] {
    return this.entries.map((entry) => entry.server);
  }

  /** Tells of each connection that could not be made or was lost. */
  onConnectionFailed(listener: (server: string, reason: ErrorReason) => void): void {
    for (const server of this.servers) {
      server.onConnectionFailed((reason) => {
        listener(server.name, reason);
      });
    }
  }

  /** How many calls are running. */
  get running(): number {
    return this.#running;
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** The entry of a server's name, or of its percent-encoded form. */
  entry(name: string): ServerEntry | undefined {
    const entry = this.#entries.get(name);
    if (entry || !name.includes('%')) return entry;
    try {
      return this.#entries.get(decodeURIComponent(name));
    } catch {
      return undefined; // malformed percent-encoding names nothing
    }
  }

  /**
   * The tool of a path `/server/tool`.
   *
   * @throws McpoError MCPO_UNKNOWN_SERVER, MCPO_UNKNOWN_TOOL, or MCPO_SERVER_DOWN while the server's tools are not known
   */
  find(path: string): Tool {
    const end = path.indexOf('/', 1);
    const entry = this.entry(end === -1 ? path.slice(1) : path.slice(1, end));
    if (!entry) throw new McpoError('MCPO_UNKNOWN_SERVER', 'no server of this name is mounted here');
    const { server } = entry;
    const tool = end === -1 ? undefined : server.catalogue.find(path.slice(end + 1));
    if (tool) return tool;
    if (end !== -1 && server.info === undefined) throw server.unreachable();
    throw new McpoError('MCPO_UNKNOWN_TOOL', `server ${server.name} has no tool of this name`);
  }

  /** Counts a call until it is settled. */
  track(call: ToolCall): void {
    this.#running += 1;
    call.onSettled(() => {
      this.#running -= 1;
      this.#quiet.check();
    });
  }

  /** Refuses new calls and lets running ones end, for `ms` at most. */
  drain(ms: number): Promise<void> {
    this.#closing = true;
    return this.#quiet.wait(ms);
  }

  /** Closes every connection, whatever is still under way. */
  async close(): Promise<void> {
    for (const server of this.servers) server.close();
    await this.#pools.close(0);
  }
}

function entryOf(
  config: ServerConfig,
  pools: PoolManager<Connection, Caller>,
  settings: BreakerConfig,
  logger: Logger,
): ServerEntry {
  const breaker = new CircuitBreaker({ ...settings, isFailure: isConnectionFailure, name: `server ${config.name}` });
  const server = new McpServer(config, pools, logger, () => {
    breaker.recovered();
  });
  return { config, server, breaker, retrier: new Retrier(config.retry) };
}

/** The server could not be reached. One that breaks off was there, and a lost connection may have had many calls. */
function isConnectionFailure(error: unknown): boolean {
  return isMcpoError(error) && error.code === 'MCPO_SERVER_DOWN';
}
