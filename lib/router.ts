import { randomUUID } from 'node:crypto';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { Router } from 'express';
import { Authenticator } from './auth/authenticator';
import { hostIdentity, identifier } from './auth/identity';
import type { CacheManager } from './cache/cache-manager';
import { accelerate } from './calls/acceleration';
import { type CallInit, ToolCall, jsonObject } from './calls/call';
import type { Next } from './calls/layer';
import { correctionOf } from './calls/corrections';
import { pipeline } from './calls/pipeline';
import { type CachePolicyConfig, type ToolPolicy, policyOf } from './calls/policy';
import { resolveConfig } from './config/config';
import { callerGone, toMcpoError } from './errors';
import { cacheControlOf } from './http/cache-control';
import { compose } from './http/compose';
import { authenticate } from './layers/authenticate';
import { observe } from './layers/observe';
import { problems } from './layers/problems';
import { readArguments } from './layers/read-arguments';
import { resolve } from './layers/resolve';
import { respond } from './layers/respond';
import { sessions } from './layers/sessions';
import type { ConcurrencyLimiter } from './limit/limiter';
import type { Progress } from './mcp/session/pending-call';
import type { PerformanceMonitor } from './monitor/performance-monitor';
import type { Registry } from './monitor/registry';
import type { McpoOptions } from './options';
import { dashboardPages } from './pages/dashboard';
import { docsPages } from './pages/docs';
import { filePages } from './pages/files';
import { healthPages, serverStates } from './pages/health';
import { homePage } from './pages/home';
import { openApiPages } from './pages/openapi/document';
import { pages, serverPages } from './pages/pages';
import { signInPage } from './pages/sign-in';
import { ServerRegistry } from './servers/registry';
import type { ServerStatus } from './servers/status';
import type { ToolEntry } from './servers/tool-entry';
import { observability } from './telemetry/observability';
import type { Telemetry } from './telemetry/telemetry';
import { BufferedBytes } from './util/buffered-bytes';
import { Canceller } from './util/cancellation';
import type { ExactJson } from './util/exact-json';
import { tell } from './util/listeners';
import { isPromise } from './util/maybe-promise';

/** How long calls that were cut off may take to fail. */
const CUT_OFF_MS = 1_500;

/** What is going on in a router. */
export interface McpoStats {
  /** How many calls are running. */
  readonly running: number;
  /** The state of each server, by name. */
  readonly servers: Readonly<Record<string, ServerStatus>>;
  /** What may be done with the calls of each tool, by `server/tool`. */
  readonly tools: Readonly<Record<string, ToolPolicy>>;
}

/** For whom, and how, {@link McpoRouter.callTool} calls. */
export interface CallToolOptions {
  /** Who calls, as `principal` would say of a request. @defaultValue the host itself */
  readonly principal?: string | undefined;
  /** Headers, of which the server's `forwardHeaders` go on to it. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The session of a server that keeps state, as in `X-MCPO-Session`. @defaultValue the principal's own */
  readonly session?: string | undefined;
  /** Cancels the call: the tool hears of it where nobody else waits. @defaultValue none */
  readonly signal?: AbortSignal | undefined;
  /** As the header of a request: `no-cache`, `no-store`, `max-age=60`. @defaultValue none */
  readonly cacheControl?: string | undefined;
  /** Told of each progress notification of the tool. @defaultValue none */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * The MCP result of a tool that has not failed. A number that a double cannot hold is a `bigint` or a `JsonNumber`, here and in
 * whatever else the server has put into it; `JSON.stringify` refuses both.
 */
export interface ToolResult {
  /** Texts, images and the like; `[]` if the server has sent none. */
  readonly content: CallToolResult['content'];
  /** Any value of JSON: newer servers send arrays, strings, numbers and `null` too. */
  readonly structuredContent?: ExactJson;
  /** What the server says of the result beside it (MCP, "_meta"). */
  readonly _meta?: Readonly<Record<string, unknown>>;
  /** What else the server has sent. */
  readonly [member: string]: unknown;
}

/** An Express Router that serves the tools of MCP servers. */
export interface McpoRouter extends Router {
  /** Resolves once every server has been reached or has failed its first try; never rejects. */
  ready(): Promise<void>;
  /**
   * Refuses new calls with 503, lets running ones end for `drainTimeoutMs`, then closes every connection and ends every
   * child process. Idempotent.
   */
  close(): Promise<void>;
  /** The same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
  /**
   * Calls a tool the same way as a request: with cache, shared calls, limits, retry and metrics, without HTTP.
   *
   * @param server - the server's name in the options
   * @returns the MCP result
   * @throws McpoError as a request would be answered, `MCPO_TOOL_ERROR` for a tool that failed included
   */
  callTool(
    server: string,
    tool: string,
    args?: Readonly<Record<string, unknown>>,
    options?: CallToolOptions,
  ): Promise<ToolResult>;
  /** The results that are kept. */
  readonly cache: CacheManager;
  /** The limit on all calls. */
  readonly limiter: ConcurrencyLimiter;
  /** How the tools do: durations, success, rates, alerts. */
  readonly monitor: PerformanceMonitor;
  /** The Prometheus metrics. */
  readonly registry: Registry;
  /** A snapshot. */
  readonly stats: McpoStats;
}

/**
 * Serves the tools of MCP servers as HTTP routes.
 *
 * @example Mount it in an app
 * ```ts
 * const mcpo = mcpoRouter({ servers: { files: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem', '.'] } } });
 * app.use('/mcp', mcpo);
 * ```
 *
 * @throws ConfigError for an option or environment variable that cannot work
 */
export function mcpoRouter(options: McpoOptions): McpoRouter {
  const config = resolveConfig(options, process.env);
  const acceleration = accelerate(config);
  const { cache: caches, freshness, limits } = acceleration;
  const policies = { access: config.access, cache: config.cache.policy, share: config.share !== undefined };
  const buffers = new BufferedBytes(config.maxBufferedBytes);
  // Tools are discovered once the servers have been started, when all of these are there.
  const telemetryOf = (): Telemetry => watch.telemetry;
  const servers = new ServerRegistry(config.servers, {
    breaker: config.breaker,
    logger: config.logger,
    buffers,
    makeEntry: (server, tool) => {
      const { transport, writesInTurn } = server.config;
      const known = config.corrections ? correctionOf(tool.name, { transport, serverName: server.serverName }) : {};
      const policy = policyOf(tool, server.config, policies, known);
      return {
        server,
        tool,
        policy,
        limits: limits.of(tool, policy.access !== 'read' && (writesInTurn || known.inTurn)),
        telemetry: telemetryOf().tool(tool.server, tool.name),
      };
    },
  });
  const authenticator = new Authenticator(config.auth, config.logger);
  const watch = observability(config, servers, acceleration, buffers, authenticator.secured);
  const identify = identifier(authenticator, config.principal);
  const openApi = openApiPages(servers, config.info, authenticator.secured);
  const docs = docsPages(config.info);
  const dashboard = dashboardPages(servers, config.info, watch.json);

  const run = pipeline(config, acceleration);
  const layers = [
    observe(),
    pages({ ...healthPages(servers, authenticator), ...filePages(authenticator) }),
    authenticate(authenticator, signInPage()),
    pages({
      '/': homePage(servers, config.info),
      ...openApi.all,
      ...docs.all,
      ...dashboard.pages,
      '/metrics': watch.page,
    }),
    serverPages(servers, { ...openApi.server, ...docs.server }),
    sessions(servers, identify),
    resolve(servers),
    readArguments(identify, config.bodyLimit),
    respond(run, servers, buffers),
  ];
  const router = Router().use(compose(layers, problems(watch.telemetry, config.logger)));

  const callTool = toolCaller(run, servers, watch.telemetry, (value) => authenticator.isOwnKey(value));
  freshness.open();
  const started = Promise.all(servers.all.map((server) => server.start())).then(() => {
    for (const line of uncached(servers, config.cache.policy)) config.logger.info(line);
  });
  let closed: Promise<void> | undefined;
  const closeCaches = async (): Promise<void> => {
    try {
      await caches.close();
    } catch (error) {
      config.logger.error({ err: error }, 'mcpo: a cache store could not be closed');
    }
  };
  const shutDown = async (): Promise<void> => {
    await servers.drain(config.drainTimeoutMs);
    limits.close();
    await servers.close();
    // A write that was cut off may have changed something, of which a shared cache is told.
    await servers.drain(CUT_OFF_MS);
    freshness.close();
    await closeCaches();
    watch.close();
    dashboard.close();
  };
  const close = (): Promise<void> => (closed ??= shutDown());
  const own = {
    callTool,
    cache: caches,
    limiter: limits.global,
    monitor: watch.monitor,
    registry: watch.registry,
    ready: () => started,
    close,
    [Symbol.asyncDispose]: close,
    get stats(): McpoStats {
      const entries = servers.all.flatMap((server) => server.catalogue.entries);
      return {
        running: servers.running,
        servers: serverStates(servers),
        tools: Object.fromEntries(entries.map(({ tool, policy }) => [`${tool.server}/${tool.name}`, policy])),
      };
    },
  };
  return Object.defineProperties(router, Object.getOwnPropertyDescriptors(own)) as McpoRouter;
}

/** Which servers and tools could be cached and are not, for nobody has said that they may be. */
function* uncached(servers: ServerRegistry, { tools }: CachePolicyConfig): Iterable<string> {
  const entries = servers.all.flatMap(({ catalogue }) => catalogue.entries);
  const reading = servers.all.flatMap(({ name, config, catalogue }) => {
    if (!config.cache.isUndecided || config.stateful) return [];
    const count = catalogue.entries.filter(({ policy }) => policy.access === 'read' && couldBeKept(policy)).length;
    return count > 0 ? [`${name} (${String(count)})`] : [];
  });
  if (reading.length > 0) {
    yield `mcpo: tools that read and are not cached: ${reading.join(', ')}; cache: true, of the router or a server, caches them`;
  }
  const pathOf = ({ tool }: ToolEntry): string => `${tool.server}/${tool.name}`;
  const hasLifetime = (entry: ToolEntry): boolean => !!tools.find(({ fits }) => fits(pathOf(entry)))?.ttlMs;
  const writing = entries.filter((entry) => entry.policy.access !== 'read' && hasLifetime(entry)).map(pathOf);
  if (writing.length > 0) {
    yield `mcpo: not cached in spite of cache.tools, as nothing says that they read: ${writing.join(', ')}; access: 'read' says it`;
  }
}

function couldBeKept({ kind, ttlMs }: ToolPolicy): boolean {
  return ttlMs === 0 && kind !== 'realtime';
}

function toolCaller(
  run: Next,
  servers: ServerRegistry,
  telemetry: Telemetry,
  isOwnKey: (value: string) => boolean,
): McpoRouter['callTool'] {
  function makeCall(
    entry: ToolEntry,
    args: Readonly<Record<string, unknown>>,
    options: CallToolOptions,
    about: Pick<CallInit, 'cancellation' | 'id' | 'begunAt'>,
  ): ToolCall {
    const { onProgress, cacheControl } = options;
    return new ToolCall({
      ...about,
      entry,
      arguments: jsonObject(args),
      format: 'application/vnd.mcp+json',
      identity: hostIdentity(options, entry.server.config, isOwnKey),
      cacheControl: cacheControlOf(cacheControl),
      trace: undefined,
      onProgress: onProgress && ((progress) => tell(() => onProgress(progress))),
    });
  }

  return async function callTool(server, tool, args = {}, options = {}) {
    const { signal } = options;
    const cancellation = new Canceller();
    const about = { cancellation, id: randomUUID(), begunAt: performance.now() };
    const leave = (): void => cancellation.abort(callerGone({ cause: signal?.reason }));
    if (signal?.aborted) leave();
    signal?.addEventListener('abort', leave, { once: true });
    const end = servers.begin();
    let entry: ToolEntry | undefined;
    let call: ToolCall | undefined;
    try {
      servers.requireOpen();
      const found = servers.named(server, tool, cancellation);
      entry = isPromise(found) ? await found : found;
      call = makeCall(entry, args, options, about);
      const result = (await run(call)).json() as Partial<ToolResult>;
      return { ...result, content: result.content ?? [] };
    } catch (error) {
      if (!call) telemetry.refused(about, toMcpoError(error), entry?.telemetry);
      throw error;
    } finally {
      signal?.removeEventListener('abort', leave);
      end();
    }
  };
}
