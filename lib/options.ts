import type { IncomingMessage } from 'node:http';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { BreakerOptions, PoolOptions as ConnectionPoolOptions } from './pool/options';
import type { Registry } from 'prom-client';
import type { SmartCacheOptions } from './cache/options';
import type { LimiterOptions, MaxConcurrent } from './limit/options';
import type { Access } from './calls/policy';
import type { FleetFlights } from './share/fleet';
import type { CallLayer } from './calls/pipeline';
import type { Logger } from './util/logger';
import type { MonitorOptions } from './monitor/options';
import type { RetryOptions } from './retry/options';

/** What a `connect` function is told. */
export interface ConnectContext {
  /** The caller's forwarded headers, by lower-case name; empty for a connection that belongs to no caller. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Options that every kind of server has. */
export interface CommonServerOptions {
  /** Which tools are served, by glob patterns over their names; `exclude` wins over `include`. @defaultValue all */
  readonly tools?: ToolFilter | undefined;
  /** Names or globs of tools that are not served; the same as `tools.exclude`, as mcpo's configuration has it. */
  readonly disabledTools?: readonly string[] | undefined;
  /** How long a call may go without an answer or a progress notification, in milliseconds. @defaultValue 60000 */
  readonly timeoutMs?: number | undefined;
  /** How long a call may take in all, in milliseconds. @defaultValue 600000 */
  readonly maxTotalTimeoutMs?: number | undefined;
  /** Whether the server's annotations (`readOnlyHint`, `idempotentHint`) are believed. @defaultValue true */
  readonly trustAnnotations?: boolean | undefined;
  /** How long its results are kept when nothing else is said, or `false`: not at all. @defaultValue the router's */
  readonly cache?: false | Pick<CacheOptions, 'defaultTtlMs'> | undefined;
  /** How many of its calls run at once, within the router's limit. @defaultValue no limit of its own */
  readonly concurrency?: LimitOptions | undefined;
  /** How its calls are retried, or `false`: never. @defaultValue the router's `retry` */
  readonly retry?: false | RetryOptions | undefined;
  /**
   * Whether it keeps state from call to call (a browser, a shell). Each session of a caller (`X-MCPO-Session`) then has a
   * connection of its own, which ends when it has been idle for `pool.maxIdleMs` or by `DELETE /:server`. @defaultValue false
   */
  readonly stateful?: boolean | undefined;
  /** Connection settings of this server alone. @defaultValue the router's `pool` */
  readonly pool?: PoolOptions | undefined;
}

/** Which tools of a server are served. */
export interface ToolFilter {
  /** Globs over tool names (`*` matches any run of characters, `/` included). @defaultValue `['*']` */
  readonly include?: readonly string[] | undefined;
  /** Globs of tools to leave out. @defaultValue none */
  readonly exclude?: readonly string[] | undefined;
}

/** A server started as a child process that speaks MCP on its standard input and output. */
export interface StdioServerOptions extends CommonServerOptions {
  /** The kind of server; may be left out. */
  readonly type?: 'stdio' | undefined;
  /** The program, started without a shell. */
  readonly command: string;
  /** Its arguments. @defaultValue none */
  readonly args?: readonly string[] | undefined;
  /** Environment variables beside the few that every child gets (`PATH`, `HOME`…). @defaultValue none */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Its working directory. @defaultValue that of this process */
  readonly cwd?: string | undefined;
  /** Not beside `command`. */
  readonly url?: undefined;
  /** Not beside `command`. */
  readonly connect?: undefined;
  /** A child process has no headers. */
  readonly forwardHeaders?: undefined;
}

/** A server reached over HTTP. */
export interface HttpServerOptions extends CommonServerOptions {
  /**
   * The transport. The spellings of other MCP clients (`streamable_http`, `streamablehttp`, `http`) mean
   * `streamable-http`. @defaultValue streamable HTTP, and SSE where the server does not know it
   */
  readonly type?: 'streamable-http' | 'sse' | 'streamable_http' | 'streamablehttp' | 'http' | undefined;
  /** An `http:` or `https:` URL. */
  readonly url: string | URL;
  /** Headers of every request to the server. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Headers of the caller's request that go on to the server. @defaultValue none */
  readonly forwardHeaders?: ForwardHeaders | undefined;
  /** Not beside `url`. */
  readonly command?: undefined;
  /** Not beside `url`. */
  readonly connect?: undefined;
}

/** A server behind a Transport that the app makes itself. */
export interface CustomServerOptions extends CommonServerOptions {
  /** Makes a new, unstarted Transport; called again for every further connection. */
  readonly connect: (context: ConnectContext) => Transport | Promise<Transport>;
  /** Headers of the caller's request that are handed to `connect`. @defaultValue none */
  readonly forwardHeaders?: ForwardHeaders | undefined;
  /** Not beside `connect`. */
  readonly command?: undefined;
  /** Not beside `connect`. */
  readonly url?: undefined;
}

/**
 * Which of the caller's headers go on to a server: a list of names, or names with the name that the server gets
 * (`true` keeps it). Names are compared without regard to case.
 */
export type ForwardHeaders = readonly string[] | Readonly<Record<string, string | true>>;

/** One MCP server; an entry of a Claude Desktop `mcpServers` object fits as it is. */
export type ServerOptions = StdioServerOptions | HttpServerOptions | CustomServerOptions;

/** How connections to the MCP servers are made. */
export interface PoolOptions extends Omit<ConnectionPoolOptions, 'breaker' | 'onEvent'> {
  /** Callers with credentials or sessions of their own that a server has connections for at a time. @defaultValue 100 */
  readonly maxCallers?: number | undefined;
  /** Sessions that one caller may have at a time with a server that keeps state. @defaultValue 10 */
  readonly maxSessionsPerCaller?: number | undefined;
}

/** Who calls, as a host may say it. A number and the text that it is written as are the same. */
export type Principal = string | number | bigint | null | undefined;

/** The options of `mcpoRouter()`. `undefined` means the default everywhere. */
export interface McpoOptions {
  /** The MCP servers, by the name that their routes begin with. */
  readonly servers: Readonly<Record<string, ServerOptions>>;
  /**
   * The key, or keys, that callers must present as `Authorization: Bearer` or `X-API-Key`.
   * Not together with `authorize`. @defaultValue `MCPO_API_KEY`, else no authentication
   */
  readonly apiKey?: string | readonly string[] | undefined;
  /** The host's own check instead of a key: whether the request may use the tools. @defaultValue none */
  readonly authorize?: ((req: IncomingMessage) => boolean | Promise<boolean>) | undefined;
  /**
   * Who calls: a stable string, finite number or bigint for one user or tenant, or `undefined` (or `null`) for a caller who
   * cannot be named. For anything else, and when it throws or rejects, the request fails with 500 and the log says why.
   * @defaultValue a hash of the API key and of the headers forwarded to the server
   */
  readonly principal?: ((req: IncomingMessage) => Principal | Promise<Principal>) | undefined;
  /** Origins (`https://app.example`) whose pages may call from a browser across sites. @defaultValue none */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Host names accepted, beside loopback names, on a loopback socket without authentication. @defaultValue none */
  readonly allowedHosts?: readonly string[] | undefined;
  /** The largest request body, in bytes. @defaultValue 1048576 */
  readonly bodyLimit?: number | undefined;
  /** What calling tools does, where their servers do not say it, or say it wrong. @defaultValue none */
  readonly access?: AccessOptions | undefined;
  /** How results of tools that read are cached, or `false`: not at all. */
  readonly cache?: false | CacheOptions | undefined;
  /** How equal calls in flight are run as one, or `false`: not at all. */
  readonly share?: false | SharingOptions | undefined;
  /** How many calls run at once. */
  readonly concurrency?: ConcurrencyOptions | undefined;
  /** How calls are tried again that were surely not made, or that may be made twice; `false`: never. */
  readonly retry?: false | RetryOptions | undefined;
  /** When calls of a server over HTTP that was connected and cannot be reached any more are refused at once. */
  readonly breaker?: BreakerOptions | undefined;
  /** Prometheus metrics. */
  readonly metrics?: MetricsOptions | undefined;
  /** What the performance monitor looks at, and when it raises alerts. */
  readonly monitor?: MonitorOptions | undefined;
  /** Connection settings of all servers. */
  readonly pool?: PoolOptions | undefined;
  /** How long `close()` lets running calls go on, in milliseconds. @defaultValue 10000 */
  readonly drainTimeoutMs?: number | undefined;
  /** Title, version and description of the combined OpenAPI document. */
  readonly info?: ApiInfo | undefined;
  /** Where messages go. @defaultValue warnings and errors to the console */
  readonly logger?: Logger | undefined;
  /**
   * Call layers of the app's own, the first outermost: each call passes them once, before its arguments are checked, with
   * or without HTTP. @defaultValue none
   */
  readonly use?: readonly CallLayer[] | undefined;
}

/** Prometheus metrics, served at `/metrics`. */
export interface MetricsOptions {
  /** What their names begin with. @defaultValue `'mcpo_'` */
  readonly prefix?: string | undefined;
  /** The host's own registry, to have them beside its own metrics. @defaultValue one of the router's own */
  readonly register?: Registry | undefined;
  /** Whether Node's own metrics (event loop, memory, garbage collection) are added. @defaultValue false */
  readonly defaultMetrics?: boolean | undefined;
}

/** What the combined OpenAPI document says of itself. */
export interface ApiInfo {
  /** Its name. @defaultValue `'MCP tools'` */
  readonly title?: string | undefined;
  /** Its version. @defaultValue `'1.0.0'` */
  readonly version?: string | undefined;
  /** More about it, in Markdown. @defaultValue none */
  readonly description?: string | undefined;
}

/** How results are cached. Only tools that read are. */
export interface CacheOptions extends SmartCacheOptions {
  /**
   * How single tools are cached, by patterns over `server/tool`; the first that fits wins. A tool that is given a
   * lifetime counts as one that reads. @defaultValue none
   */
  readonly tools?: Readonly<Record<string, ToolCacheOptions>> | undefined;
  /** Which tools' results grow old how fast, by name. */
  readonly kinds?: KindsOptions | undefined;
  /** Further caches by name, for the tools that `tools` gives them. @defaultValue none */
  readonly caches?: Readonly<Record<string, SmartCacheOptions>> | undefined;
}

/** How one tool is cached. */
export interface ToolCacheOptions {
  /** How long a result is kept, in milliseconds; 0: not at all. @defaultValue by the tool's kind */
  readonly ttlMs?: number | undefined;
  /** The cache that keeps it. @defaultValue `'default'` */
  readonly cache?: string | undefined;
}

/** The kinds of reading tools: the shortest-lived that fits wins. */
export interface KindsOptions {
  /** Schema, help, describe, list: 3600 s. */
  readonly static?: KindOptions | undefined;
  /** Search, query, and tools annotated with `openWorldHint`: 60 s. */
  readonly dynamic?: KindOptions | undefined;
  /** Time, now, random, uuid, status: never cached. */
  readonly realtime?: Pick<KindOptions, 'patterns'> | undefined;
}

/** One kind of tools. */
export interface KindOptions {
  /** Patterns over the tool's name, and over its name in `snake_case`. @defaultValue the words of the kind */
  readonly patterns?: readonly string[] | undefined;
  /** How long a result is kept, in milliseconds. @defaultValue 3600000 for static, 60000 for dynamic */
  readonly ttlMs?: number | undefined;
}

/** Limits on one thing: all calls, those of a server, or those of a tool. */
export type LimitOptions = Omit<LimiterOptions, 'name'>;

/** How many calls run at once. */
export interface ConcurrencyOptions extends LimitOptions {
  /**
   * Limits of single tools, by patterns over `server/tool`; the first that fits wins. Each tool has a limit of its own.
   * @defaultValue none
   */
  readonly tools?: Readonly<Record<string, MaxConcurrent | LimitOptions>> | undefined;
}

/** How equal calls at the same time are run as one. */
export interface SharingOptions {
  /** How old a call in flight may be and still be joined, in milliseconds. @defaultValue 60000 */
  readonly windowMs?: number | undefined;
  /**
   * Shares calls of tools that read with other instances: the `flights` of a `redisFleet`. @defaultValue none: calls are
   * shared within this process
   */
  readonly fleet?: FleetFlights | undefined;
}

/**
 * What calling tools does, by patterns over `server/tool`: `'read'` nothing, `'idempotent'` the same however often,
 * `'write'` anything. The first that fits wins, over the server's annotations.
 */
export type AccessOptions = Readonly<Record<string, Access>>;
