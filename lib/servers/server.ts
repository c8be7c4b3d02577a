import type { Caller } from '../calls/caller';
import type { ServerConfig } from '../config/server';
import { McpoError, isMcpoError } from '../errors';
import type { Connection } from '../mcp/session/connection';
import { isConnectionGone, isNotSent } from '../mcp/session/failures';
import type { CallResult } from '../mcp/session/pending-call';
import type { Catalogue } from '../mcp/tools/catalogue';
import type { Tool } from '../mcp/tools/tool';
import type { ErrorReason, PoolEvent } from '../pool/events';
import { poolConfig } from '../pool/options';
import type { ConnectionPool } from '../pool/pool';
import type { PoolManager } from '../pool/pool-manager';
import type { ServerPoolStats } from '../pool/server-pools';
import { type BreakerOptions, CircuitBreaker } from '../retry/breaker';
import { Retrier } from '../retry/retry';
import type { Logger } from '../util/logger';
import { Connector, type ServerInfo } from './connector';
import { type ServerState, type ServerStatus, Uptime } from './status';
import type { ToolEntry, Upstream, UpstreamCall } from './tool-entry';

/** What the servers of a router have in common. */
export interface ServerParts {
  readonly pools: PoolManager<Connection, Caller>;
  readonly breaker: Pick<BreakerOptions, 'threshold' | 'cooldownMs'>;
  readonly logger: Logger;
  /** Makes what is known of a tool, once for each definition. */
  readonly makeEntry: (server: Upstream, tool: Tool) => ToolEntry;
}

/** One MCP server: its connections, its tools, and the calls of them. */
export class McpServer implements Upstream {
  readonly config: ServerConfig;
  /** Keeps calls away while the server cannot be reached. */
  readonly breaker: CircuitBreaker;
  readonly retrier: Retrier;
  readonly #connector: Connector;
  readonly #pools: PoolManager<Connection, Caller>;
  readonly #pool: ConnectionPool<Connection>;
  readonly #maxConnections: number;
  #onConnectionFailed: ((reason: ErrorReason) => void) | undefined;
  readonly #uptime = new Uptime();

  constructor(config: ServerConfig, { pools, breaker, logger, makeEntry }: ServerParts) {
    const { name, pool, stateful } = config;
    this.config = config;
    this.breaker = new CircuitBreaker({ ...breaker, isFailure: isConnectionFailure, name: `server ${name}` });
    this.retrier = new Retrier(config.retry);
    // Where each session has a connection of its own, the server's own is there to know the tools.
    const bounds = stateful ? { minConnections: 1, maxConnections: 1, stateful } : {};
    const { connectTimeoutMs, maxConnections } = poolConfig({ ...pool, ...bounds });
    this.#connector = new Connector({ ...config, connectTimeoutMs }, logger, (tool) => makeEntry(this, tool));
    this.#pools = pools;
    this.#maxConnections = maxConnections;
    const onEvent = (event: PoolEvent): void => {
      this.#uptime.note(event, this.#pool.stats);
      if (event.type === 'error') this.#onConnectionFailed?.(event.reason);
    };
    this.#pool = pools.add(name, (signal, caller) => this.#open(signal, caller), { ...pool, ...bounds, onEvent });
  }

  get name(): string {
    return this.config.name;
  }

  /** Its tools. */
  get catalogue(): Catalogue<ToolEntry> {
    return this.#connector.catalogue;
  }

  /** What the server said of itself; `undefined` until it has been reached. */
  get info(): ServerInfo | undefined {
    return this.#connector.info;
  }

  get status(): ServerStatus {
    const { lastError, checkedAt } = this.#pool;
    const { connections, errors } = this.connections;
    return {
      state: this.state,
      since: this.#uptime.since.toISOString(),
      ...(checkedAt && { lastCheck: checkedAt.toISOString() }),
      tools: this.catalogue.size,
      connections,
      errors,
      ...(lastError instanceof Error && { lastError: lastError.message }),
    };
  }

  /** Its connections, those of callers included. */
  get connections(): ServerPoolStats {
    return this.#pools.statsOf(this.name);
  }

  /** Tells of each connection that could not be made or was lost. */
  onConnectionFailed(listener: (reason: ErrorReason) => void): void {
    this.#onConnectionFailed = listener;
  }

  /** Connects; resolves when the first try has succeeded or failed. */
  async start(): Promise<void> {
    await this.#pool.start().catch(() => undefined);
  }

  async call(tool: Tool, args: Readonly<Record<string, unknown>>, how: UpstreamCall): Promise<CallResult> {
    const { signal, caller, trace: meta, onProgress } = how;
    const { timeoutMs, maxTotalTimeoutMs, stateful } = this.config;
    let connected = false as boolean;
    const send = (connection: Connection): Promise<CallResult> => {
      connected = true;
      return connection.call(tool.name, args, { signal, timeoutMs, maxTotalTimeoutMs, meta, onProgress });
    };
    const sendOnce = (): Promise<CallResult> => {
      connected = false;
      return this.#pools.get(this.name, caller).use(send, { signal });
    };
    // All that there are may have gone; what has been opened since then, hardly.
    for (let others = this.#maxConnections; ; others--) {
      try {
        return await sendOnce();
      } catch (error) {
        if (!connected && signal.aborted) throw callerGone(error);
        if (isConnectionGone(error) && stateful) throw sessionLost(error);
        if (isConnectionGone(error) && others > 0) continue;
        throw caller && isRefused(error) ? unreachableFor(error) : error;
      }
    }
  }

  /** Ends the session of a caller; whether there was one. */
  endSession(caller: Caller): Promise<boolean> {
    return this.#pools.remove(this.name, caller);
  }

  /** The 503 for a tool that cannot be looked up because the server has not been reached yet; the next try may begin. */
  unreachable(): McpoError {
    // Nobody else asks for one where no connection is to be kept.
    if (this.state === 'down') void this.start();
    const starting = this.state === 'connecting';
    const detail = starting ? 'the MCP server is still starting' : 'the MCP server cannot be reached at the moment';
    return new McpoError('MCPO_SERVER_DOWN', detail, { retryAfterMs: Math.max(1, this.#pool.retryAfterMs) });
  }

  /** Says that it is closing; the connections are for the pools to close. */
  close(): void {
    this.#uptime.close(this.#pool.stats);
  }

  /** Whether it can be called. */
  get state(): ServerState {
    return this.#uptime.state(this.#pool.stats);
  }

  async #open(signal: AbortSignal, caller: Caller | undefined): Promise<Connection> {
    if (caller) return this.#connector.openFor(caller, signal);
    const connection = await this.#connector.open(signal, this.state !== 'up');
    this.breaker.recovered();
    return connection;
  }
}

/** The server could not be reached. One that breaks off was there, and a lost connection may have had many calls. */
function isConnectionFailure(error: unknown): boolean {
  return isMcpoError(error) && error.code === 'MCPO_SERVER_DOWN';
}

function callerGone(cause: unknown): McpoError {
  return new McpoError('MCPO_CALLER_GONE', 'the caller left before anything was sent', { cause });
}

/** Nothing was done, and the next call finds a new session, which knows nothing of this one. */
function sessionLost(cause: unknown): McpoError {
  return new McpoError('MCPO_SERVER_DOWN', 'the session with the MCP server was lost; the next call begins a new one', {
    retryAfterMs: 1,
    cause,
  });
}

/** Whether no connection could be made. */
function isRefused(error: unknown): error is McpoError {
  return isMcpoError(error) && error.code === 'MCPO_SERVER_DOWN' && !isNotSent(error);
}

/** The reason is for the log: it may say more of the server than its callers need to know. */
function unreachableFor(cause: McpoError): McpoError {
  const detail = 'the MCP server cannot be reached with the credentials of this request';
  const retryAfterMs = 1_000 * Number(cause.headers['Retry-After'] ?? 1);
  return new McpoError('MCPO_SERVER_DOWN', detail, { retryAfterMs, cause });
}
