import type { Caller } from '../calls/caller';
import type { ServerConfig } from '../config/server';
import { McpoError, isMcpoError } from '../errors';
import type { Connection } from '../mcp/session/connection';
import { RateLimited, isConnectionGone } from '../mcp/session/failures';
import type { Catalogue } from '../mcp/tools/catalogue';
import type { Tool } from '../mcp/tools/tool';
import type { BreakerState } from '../pool/breaker';
import type { ErrorReason, PoolEvent } from '../pool/events';
import { type BreakerOptions, poolConfig } from '../pool/options';
import type { ConnectionPool } from '../pool/pool';
import type { PoolManager } from '../pool/pool-manager';
import { isSessionLost, sessionLost } from '../pool/refusals';
import type { ServerPoolStats } from '../pool/server-pools';
import type { Turns } from '../pool/turns';
import { Retrier } from '../retry/retry';
import type { BufferedBytes } from '../util/buffered-bytes';
import type { Cancellation } from '../util/cancellation';
import { join } from '../util/checks';
import type { Logger } from '../util/logger';
import { Connector, type ServerInfo } from './connector';
import { type ServerState, type ServerStatus, Uptime } from './status';
import { RateLimits } from './rate-limits';
import type { ToolEntry, Upstream } from './tool-entry';

/** A server may not announce changes, or cannot: HTTP without an event stream. */
const READ_AGAIN_MS = 300_000;

/** What the servers of a router have in common. */
export interface ServerParts {
  readonly pools: PoolManager<Connection, Caller>;
  readonly breaker: BreakerOptions;
  /** The turns of child processes to start. */
  readonly starts: Turns;
  readonly logger: Logger;
  /** What the router holds. */
  readonly buffers: BufferedBytes;
  /** Makes what is known of a tool, once for each definition. */
  readonly makeEntry: (server: Upstream, tool: Tool) => ToolEntry;
}

/** One MCP server: its connections, its tools, and the calls of them. */
export class McpServer implements Upstream {
  readonly config: ServerConfig;
  readonly retrier: Retrier;
  readonly #connector: Connector;
  readonly #pools: PoolManager<Connection, Caller>;
  readonly #pool: ConnectionPool<Connection>;
  readonly maxConnections: number;
  readonly #minConnections: number;
  readonly #rateLimits = new RateLimits();
  #onConnectionFailed: ((reason: ErrorReason) => void) | undefined;
  readonly #uptime = new Uptime();
  readonly #logger: Logger;
  #saturationIsLogged = false;
  #readings: NodeJS.Timeout | undefined;

  constructor(config: ServerConfig, { pools, breaker, starts, logger, buffers, makeEntry }: ServerParts) {
    const { name, stateful, timeoutMs, transport } = config;
    const pool = { ...config.pool, pingTimeoutMs: config.pool.pingTimeoutMs ?? timeoutMs };
    this.config = config;
    this.#logger = logger;
    this.retrier = new Retrier(config.retry);
    // Where each session has a connection of its own, the server's own is there to know the tools.
    const bounds = stateful ? { minConnections: 1, maxConnections: 1, stateful } : {};
    const { connectTimeoutMs, maxConnections, minConnections } = poolConfig({ ...pool, ...bounds });
    this.#connector = new Connector({ ...config, connectTimeoutMs, buffers }, logger, (tool) => makeEntry(this, tool));
    this.#pools = pools;
    this.maxConnections = maxConnections;
    this.#minConnections = minConnections;
    const onEvent = (event: PoolEvent): void => {
      if (event.type === 'saturated') {
        this.#saturated();
        return;
      }
      this.#uptime.note(event, this.#pool.stats);
      if (event.type === 'error') this.#onConnectionFailed?.(event.reason);
    };
    this.#pool = pools.add(name, (signal, caller) => this.#open(signal, caller), {
      ...pool,
      ...bounds,
      // Over HTTP only: for a child process or a custom transport, the backoff is enough.
      breaker: transport.kind === 'http' ? breaker : undefined,
      takeTurn: transport.kind === 'stdio' ? starts.take : undefined,
      onEvent,
    });
  }

  get name(): string {
    return this.config.name;
  }

  get serverName(): string | undefined {
    return this.#connector.serverName;
  }

  get catalogue(): Catalogue<ToolEntry> {
    return this.#connector.catalogue;
  }

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
      uncheckedCalls: this.catalogue.uncheckedCalls,
      ...(lastError instanceof Error && { lastError: lastError.message }),
    };
  }

  /** Including the connections of callers. */
  get connections(): ServerPoolStats {
    return this.#pools.statsOf(this.name);
  }

  onConnectionFailed(listener: (reason: ErrorReason) => void): void {
    this.#onConnectionFailed = listener;
  }

  /** Connects, and reads the list of tools every five minutes from then on; resolves when the first try has succeeded or failed. */
  async start(): Promise<void> {
    this.#readings ??= setInterval(() => {
      // A reading would keep a connection that is not to stay.
      if (this.#minConnections > 0 && this.#pool.stats.connections > 0) void this.renew();
    }, READ_AGAIN_MS).unref();
    await this.#pool.start().catch(() => undefined);
  }

  async use<T>(
    work: (connection: Connection) => Promise<T>,
    caller: Caller | undefined,
    signal: Cancellation,
  ): Promise<T> {
    this.#requireQuota(caller);
    let connected = false as boolean;
    const use = (connection: Connection): Promise<T> => {
      connected = true;
      return work(connection);
    };
    try {
      return await this.#pools.get(this.name, caller).use(use, { signal });
    } catch (error) {
      this.#rateLimits.note(caller, error);
      if (this.config.stateful && isConnectionGone(error)) throw sessionLost(error);
      if (connected || isSessionLost(error)) throw error;
      if (signal.aborted) throw callerGone(error);
      if (!isMcpoError(error) || error.status !== 503 || isConnectionGone(error)) throw error;
      throw caller && error.code === 'MCPO_SERVER_DOWN' ? this.#unreachableFor(error) : this.#unavailable(error);
    }
  }

  sessionOf(caller: Caller): string {
    return this.#pools.lifeOf(this.name, caller);
  }

  /** Ends the session of a caller; whether there was one. */
  endSession(caller: Caller): Promise<boolean> {
    return this.#pools.remove(this.name, caller);
  }

  /** Whether it is being reached for the first time. */
  get isStarting(): boolean {
    return this.state === 'connecting' && this.#pool.lastError === undefined;
  }

  /** Waits until the first try to reach it has succeeded or failed, for as long as a call waits for a connection. */
  async started(signal: Cancellation): Promise<void> {
    try {
      await this.#pool.reached({ signal });
    } catch (error) {
      if (signal.aborted || (isMcpoError(error) && error.code === 'MCPO_CLOSING')) throw error;
    }
  }

  /** The error for a tool that cannot be looked up because the server has not been reached yet; the next try may begin. */
  unreachable(): McpoError {
    // A pool without a minimum opens no connection by itself.
    if (this.state === 'down') void this.start();
    const limited = this.#rateLimits.refusal(undefined);
    if (limited) return limited;
    const { lastError, retryAfterMs } = this.#pool;
    if (lastError instanceof RateLimited) return lastError;
    const detail = `${this.#known}: it ${this.isStarting ? 'is still starting' : 'cannot be reached at the moment'}`;
    return new McpoError('MCPO_SERVER_DOWN', detail, { retryAfterMs: Math.max(1, retryAfterMs) });
  }

  /** What a caller may know of the server. */
  get #known(): string {
    return `server ${this.name} (${this.state} since ${this.#uptime.since.toISOString()})`;
  }

  /** The refusal of a pool, which knows no server. */
  #unavailable({ code, message, headers, cause }: McpoError): McpoError {
    return new McpoError(code, `${this.#known}: ${message}`, { headers, cause });
  }

  /** The reason is for the log: it may say more of the server than its callers need to know. */
  #unreachableFor(cause: McpoError): McpoError {
    const detail = `server ${this.name}: it cannot be reached with the credentials of this request`;
    return new McpoError('MCPO_SERVER_DOWN', detail, { headers: { 'Retry-After': '1', ...cause.headers }, cause });
  }

  get breaker(): BreakerState {
    return this.#pool.breaker;
  }

  /** Sets the state to `closed`; the pools close the connections. */
  close(): void {
    clearInterval(this.#readings);
    this.#connector.listing.stop();
    this.#uptime.close(this.#pool.stats);
  }

  async renewed(name: string): Promise<ToolEntry | undefined> {
    await this.renew();
    return this.catalogue.named(name);
  }

  /** Reads a list of tools older than 5 s again, where the server can be reached. */
  renew(): Promise<void> {
    return this.#connector.listing.renew(() => this.#readTools());
  }

  get state(): ServerState {
    return this.#uptime.state(this.#pool.stats);
  }

  async #open(signal: AbortSignal, caller: Caller | undefined): Promise<Connection> {
    this.#requireQuota(caller);
    try {
      if (caller) return await this.#connector.openFor(caller, signal);
      return await this.#connector.open(signal);
    } catch (error) {
      this.#rateLimits.note(caller, error);
      throw error;
    }
  }

  async #readTools(): Promise<void> {
    if (this.state !== 'up') return;
    const read = (connection: Connection): Promise<void> => this.#connector.listing.read(connection);
    await this.#pool.use(read).catch((error: unknown) => {
      if (!isConnectionGone(error)) throw error;
      return this.#pool.use(read);
    });
  }

  /** Names the option once. Requests over HTTP do not wait for each other, so slow ones are no sign; those that wait are. */
  #saturated(): void {
    const { name, transport, stateful } = this.config;
    const isHttp = transport.kind === 'http';
    if (this.#saturationIsLogged || stateful || (isHttp && this.connections.waiting === 0)) return;
    this.#saturationIsLogged = true;
    const option = join(join('servers', name), `pool.${isHttp ? 'maxInFlightPerConnection' : 'maxConnections'}`);
    const remedy = isHttp ? 'allows more' : 'allows more processes, if they share no memory, files, locks or ports';
    this.#logger.warn(`mcpo: server ${name} has had more calls than it answers for 10 s; ${option} ${remedy}`);
  }

  /** @throws McpoError MCPO_UPSTREAM_RATE_LIMITED while the server wants no calls with this credential */
  #requireQuota(caller: Caller | undefined): void {
    const refusal = this.#rateLimits.refusal(caller);
    if (refusal) throw refusal;
  }
}

function callerGone(cause: unknown): McpoError {
  return new McpoError('MCPO_CALLER_GONE', 'the caller left before anything was sent', { cause });
}
