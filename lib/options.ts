import type { Request } from 'express';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { BreakerOptions, PoolOptions as ConnectionPoolOptions } from './pool/options';
import type { Registry } from 'prom-client';
import type { SmartCacheOptions } from './cache/options';
import type { ArgumentReading } from './mcp/schema/lenient';
import type { LimiterOptions, MaxConcurrent } from './limit/options';
import type { Access } from './calls/policy';
import type { FleetFlights } from './share/fleet';
import type { CallLayer } from './calls/layer';
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
  /** Which tools are served, by glob patterns over their names. @defaultValue all */
  readonly tools?: ToolFilter | undefined;
  /** The same as `tools.exclude`, under the name that mcpo uses. @defaultValue none */
  readonly disabledTools?: readonly string[] | undefined;
  /** Time-out of a call, in milliseconds. A progress notification starts it again. @defaultValue 60000 */
  readonly timeoutMs?: number | undefined;
  /** Time-out of a call that progress notifications do not extend, in milliseconds. @defaultValue 600000 */
  readonly maxTotalTimeoutMs?: number | undefined;
  /**
   * Whether the server's annotations (`readOnlyHint`, `idempotentHint`, `openWorldHint`) are believed.
   * @defaultValue true
   */
  readonly trustAnnotations?: boolean | undefined;
  /** How arguments are read. @defaultValue the router's */
  readonly arguments?: ArgumentReading | undefined;
  /**
   * The cache of this server's results. `true` and an object, an empty one too, switch it on; `false` caches only tools with a
   * lifetime in the router's `cache.tools`.
   * @defaultValue the router's
   */
  readonly cache?: boolean | ServerCacheOptions | undefined;
  /**
   * Limit on the calls of this server, inside the router's limit. A server that is not the only one never holds more than four
   * fifths of the router's permits.
   * @defaultValue that share, with the queue of the router; the only server has no limit of its own
   */
  readonly concurrency?: ServerLimitOptions | undefined;
  /** Retries of this server's calls. `false` switches them off. @defaultValue the router's `retry` */
  readonly retry?: false | RetryOptions | undefined;
  /**
   * Whether the server keeps state between calls, as a browser or a shell does. Each session (`X-MCPO-Session`) then
   * has a connection of its own.
   * @defaultValue false
   */
  readonly stateful?: boolean | undefined;
  /** Connections of this server. @defaultValue the router's `pool` */
  readonly pool?: PoolOptions | undefined;
}

/** Which tools of a server are served. */
export interface ToolFilter {
  /** Globs of the tools to serve: `*` matches any run of characters, `?` one character. @defaultValue `['*']` */
  readonly include?: readonly string[] | undefined;
  /** Globs of the tools to leave out. Wins over `include`. @defaultValue none */
  readonly exclude?: readonly string[] | undefined;
}

/** A server started as a child process that speaks MCP on its standard input and output. */
export interface StdioServerOptions extends CommonServerOptions {
  /** The kind of server. @defaultValue `'stdio'` */
  readonly type?: 'stdio' | undefined;
  /** The program to start. No shell is involved. */
  readonly command: string;
  /** Arguments of the program. @defaultValue none */
  readonly args?: readonly string[] | undefined;
  /** Environment variables, added to a minimal set (`PATH`, `HOME` and a few more). @defaultValue none */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Working directory. @defaultValue that of the app */
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
   * The transport. `streamable_http`, `streamablehttp` and `http` are other spellings of `streamable-http`.
   * @defaultValue streamable HTTP, then SSE if the server does not speak it
   */
  readonly type?: 'streamable-http' | 'sse' | 'streamable_http' | 'streamablehttp' | 'http' | undefined;
  /** An `http:` or `https:` URL. A user and password in it become Basic authorization. */
  readonly url: string | URL;
  /** Headers to send with every request to the server. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Headers of the caller's request to forward to the server. @defaultValue none */
  readonly forwardHeaders?: ForwardHeaders | undefined;
  /** Not beside `url`. */
  readonly command?: undefined;
  /** Not beside `url`. */
  readonly connect?: undefined;
}

/** A server behind a Transport that the app makes itself. */
export interface CustomServerOptions extends CommonServerOptions {
  /** Returns a new Transport that has not been started. Called once for each connection. */
  readonly connect: (context: ConnectContext) => Transport | Promise<Transport>;
  /** Headers of the caller's request to pass to `connect`. @defaultValue none */
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
export interface PoolOptions extends Omit<ConnectionPoolOptions, 'breaker' | 'onEvent' | 'stateful' | 'takeTurn'> {
  /** Callers with a connection of their own (forwarded headers or sessions), for each server. @defaultValue 100 */
  readonly maxCallers?: number | undefined;
  /** Sessions of one caller with a `stateful` server. @defaultValue 10 */
  readonly maxSessionsPerCaller?: number | undefined;
}

/** Who calls, as a host may say it. A number and the text that it is written as are the same. */
export type Principal = string | number | bigint | null | undefined;

/** What `authorize` may decide. */
export type Decision = boolean | { readonly status: 401 | 403 | 429 | 503 };

/** The options of `mcpoRouter()`. `undefined` means the default everywhere but in `apiKey`. */
export interface McpoOptions {
  /** The MCP servers, by name. The name is the first part of their routes. Required. */
  readonly servers: Readonly<Record<string, ServerOptions>>;
  /**
   * The key, or keys, that callers must send as `Authorization: Bearer` or `X-API-Key`. Excludes `authorize`. `false` lets
   * everybody in. Given as `undefined` or `''`, as by a variable that is not set, it is an error, unless `MCPO_API_KEY` or
   * `authorize` is there.
   * @defaultValue `MCPO_API_KEY`, else no authentication
   */
  readonly apiKey?: string | readonly string[] | false | undefined;
  /**
   * Your own check in place of a key: `true` lets the request in, `false` is 401. An object that it returns or throws, with the
   * `status` 401, 403, 429 or 503, is that. Anything else that it throws is 401, and logged once a minute.
   * @defaultValue none
   */
  readonly authorize?: ((req: Request) => Decision | Promise<Decision>) | undefined;
  /**
   * Names the caller: a non-empty string, finite number or bigint for one user or tenant, `undefined` or `null` for a
   * caller without a name. Any other value, or an exception, answers 500. Needed for `stateful` servers beside `authorize`.
   * @defaultValue a hash of the API key and of the headers forwarded to the server
   */
  readonly principal?: ((req: Request) => Principal | Promise<Principal>) | undefined;
  /** Origins (`https://app.example`) whose pages may call from another site. @defaultValue none */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * `Host` names to accept on a loopback socket without authentication, in addition to loopback names.
   * @defaultValue none
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Largest request body in bytes, before and after decompression. @defaultValue 1048576 (1 MiB) */
  readonly bodyLimit?: number | undefined;
  /**
   * Heeds what is known of widely used servers: tools that keep state although they say that they read, and writes that are lost
   * when they overlap, which then run one at a time. `false` switches it off.
   * @defaultValue true
   */
  readonly corrections?: boolean | undefined;
  /**
   * Whether tools read or write, by patterns over `server/tool`. Overrides the servers' annotations.
   * @defaultValue none
   */
  readonly access?: AccessOptions | undefined;
  /** How arguments are read. @defaultValue `'strict'` */
  readonly arguments?: ArgumentReading | undefined;
  /**
   * The cache of tools that read. `true` and an object, an empty one too, switch it on; an object with `tools` alone does so for
   * those tools alone. A tool that reads need not answer the same tomorrow: switch it on where that is right.
   * @defaultValue off, unless `MCPO_CACHE_DEFAULT_TTL` is set
   */
  readonly cache?: boolean | CacheOptions | undefined;
  /** Runs equal calls of tools that read as one, where they overlap. `false` switches it off. @defaultValue on */
  readonly share?: false | SharingOptions | undefined;
  /** Limit on all calls. With more than one server, each holds at most four fifths of the permits, and at least one. */
  readonly concurrency?: ConcurrencyOptions | undefined;
  /** Retries. `false` switches them off. @defaultValue on */
  readonly retry?: false | RetryOptions | undefined;
  /** Circuit breaker of each server over HTTP. */
  readonly breaker?: BreakerOptions | undefined;
  /** Prometheus metrics. */
  readonly metrics?: MetricsOptions | undefined;
  /** Sliding window and alerts of the performance monitor. */
  readonly monitor?: MonitorOptions | undefined;
  /** Connections of all servers. */
  readonly pool?: PoolOptions | undefined;
  /**
   * Largest number of bytes held at a time: answers that their callers have not read, messages that are arriving, and calls not
   * yet written to a child process. Beyond it, new calls are refused with 503 `MCPO_OVERLOADED`.
   * @defaultValue 268435456 (256 MiB)
   */
  readonly maxBufferedBytes?: number | undefined;
  /** Time that `close()` gives running calls to end, in milliseconds. @defaultValue 10000 */
  readonly drainTimeoutMs?: number | undefined;
  /** Title, version and description of the combined OpenAPI document. */
  readonly info?: ApiInfo | undefined;
  /**
   * Receives log entries: `console`, pino, or any object with `debug`, `info`, `warn` and `error`.
   * @defaultValue warnings and errors to the console
   */
  readonly logger?: Logger | undefined;
  /**
   * Your own call layers, the first outermost. Each call passes them once, before its arguments are checked.
   * @defaultValue none
   */
  readonly use?: readonly CallLayer[] | undefined;
}

/** Prometheus metrics, served at `/metrics`. */
export interface MetricsOptions {
  /** Prefix of the metric names. @defaultValue `'mcpo_'` */
  readonly prefix?: string | undefined;
  /** A prom-client `Registry` of your app. @defaultValue a registry of the router's own */
  readonly register?: Registry | undefined;
  /** Adds Node's own metrics: event loop, memory, garbage collection. @defaultValue false */
  readonly defaultMetrics?: boolean | undefined;
}

/** What the combined OpenAPI document says of itself. */
export interface ApiInfo {
  /** Title. @defaultValue `'MCP tools'` */
  readonly title?: string | undefined;
  /** Version. @defaultValue `'1.0.0'` */
  readonly version?: string | undefined;
  /** Description in Markdown. @defaultValue none */
  readonly description?: string | undefined;
}

/** How results are cached. Only tools that read are. */
export interface CacheOptions extends SmartCacheOptions {
  /**
   * Rules for single tools, by patterns over `server/tool`. The first match wins. A lifetime makes no tool one that reads: where
   * its server does not say so, `access` does.
   * @defaultValue none
   */
  readonly tools?: Readonly<Record<string, ToolCacheOptions>> | undefined;
  /** Lifetimes by kind of tool. @defaultValue by words in the tool's name */
  readonly kinds?: KindsOptions | undefined;
  /** Named caches, each with its own bounds. `tools` assigns tools to them. @defaultValue none */
  readonly caches?: Readonly<Record<string, SmartCacheOptions>> | undefined;
}

/** How the results of one server are cached. */
export interface ServerCacheOptions extends Pick<CacheOptions, 'defaultTtlMs'> {
  /**
   * A name that servers with one backing store share, such as files and git on one repository: a write through one drops what is
   * kept of all. Servers at one URL do so within a process without it.
   * @defaultValue the name of the server
   */
  readonly group?: string | undefined;
}

/** How one tool is cached. */
export interface ToolCacheOptions {
  /** Lifetime of a result in milliseconds. 0 switches caching off. @defaultValue by the tool's kind */
  readonly ttlMs?: number | undefined;
  /** Name of the cache. @defaultValue `'default'` */
  readonly cache?: string | undefined;
}

/** The kinds of reading tools. The shortest-lived match wins. */
export interface KindsOptions {
  /** Tools that describe: schema, help. @defaultValue 3600 s */
  readonly static?: KindOptions | undefined;
  /** Tools that search (search, query), and those that do not say `openWorldHint: false`. @defaultValue 60 s */
  readonly dynamic?: KindOptions | undefined;
  /**
   * Tools whose answer is never the same: time, now, random, uuid, status, current, utc, clock, wait.
   * @defaultValue not cached
   */
  readonly realtime?: Pick<KindOptions, 'patterns'> | undefined;
}

/** One kind of tools. */
export interface KindOptions {
  /**
   * Patterns over the tool's name, as it is and in `snake_case`. Only these, and the words of `static`, make the default lifetime
   * longer; all others shorten it.
   * @defaultValue the words of the kind
   */
  readonly patterns?: readonly string[] | undefined;
  /** Lifetime of a result in milliseconds. @defaultValue 3600000 for static, 60000 for dynamic */
  readonly ttlMs?: number | undefined;
}

/** A limit on calls: on all, on those of one server, or on those of one tool. */
export type LimitOptions = Omit<LimiterOptions, 'name'>;

/** Limits on the calls of one server. */
export interface ServerLimitOptions extends LimitOptions {
  /**
   * 1: calls of tools that do not read run one at a time in this instance, reads beside them. For a server that loses writes that
   * overlap.
   * @defaultValue no such limit, but for servers that are known to lose them
   */
  readonly writes?: 1 | undefined;
}

/** Limits on calls. */
export interface ConcurrencyOptions extends LimitOptions {
  /**
   * Limits of single tools, by patterns over `server/tool`. The first match wins. Each matching tool gets a limit of
   * its own.
   * @defaultValue none
   */
  readonly tools?: Readonly<Record<string, MaxConcurrent | LimitOptions>> | undefined;
}

/** Sharing of equal calls that overlap. */
export interface SharingOptions {
  /** For how long a call can be joined after it was sent, in milliseconds. @defaultValue 1000 */
  readonly windowMs?: number | undefined;
  /**
   * The `flights` of a `redisFleet`, to share calls of tools that read with other instances.
   * @defaultValue none, calls are shared within this process
   */
  readonly fleet?: FleetFlights | undefined;
}

/**
 * What calling tools does, by patterns over `server/tool`: `'read'` nothing, `'idempotent'` the same however often,
 * `'write'` anything. The first that fits wins, over the server's annotations.
 */
export type AccessOptions = Readonly<Record<string, Access>>;
