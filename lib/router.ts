import type { Router } from 'express';
import { accelerate } from './calls/acceleration';
import { Authenticator } from './auth/authenticator';
import type { CacheManager } from './cache/cache-manager';
import { identifier } from './auth/identity';
import { resolveConfig } from './config/config';
import { ServerRegistry } from './servers/registry';
import type { ErrorLayer, Layer } from './http/response';
import { readArguments } from './layers/read-arguments';
import { authenticate } from './layers/authenticate';
import { cache } from './calls/cache';
import { invoke } from './calls/invoke';
import { limit } from './calls/limit';
import { observe } from './layers/observe';
import { problems } from './layers/problems';
import { reply } from './layers/respond';
import { resolve } from './layers/resolve';
import { sessions } from './layers/sessions';
import { share } from './calls/share';
import { oneLayerRouter } from './one-layer-router';
import { compose } from './http/compose';
import type { ConcurrencyLimiter } from './limit/limiter';
import type { ServerStatus } from './servers/status';
import type { McpoOptions } from './options';
import { dashboardPages } from './pages/dashboard';
import { docsPages } from './pages/docs';
import { healthPages, serverStates } from './pages/health';
import { openApiPages } from './pages/openapi/document';
import type { PerformanceMonitor } from './monitor/performance-monitor';
import type { Registry } from './monitor/registry';
import { observability } from './telemetry/observability';
import { pages, serverPages } from './pages/pages';
import type { ToolPolicy } from './calls/policy';

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

/** The layers of a router, in the order in which a tool call passes them: for stacks of an app's own. */
export interface McpoLayers {
  /** Gives the request its id. */
  readonly observe: Layer;
  /** Refuses cross-site requests and callers without credentials. */
  readonly authenticate: Layer;
  /** Finds the tool that `req.url` names as `/server/tool`. */
  readonly resolve: Layer;
  /** Reads and checks the arguments; the {@link ToolCall} is born here. */
  readonly readArguments: Layer;
  /** Answers with the call's outcome. */
  readonly reply: Layer;
  /** Answers from the cache, or keeps the answer. */
  readonly cache: Layer;
  /** Joins an equal call in flight, or leads it. */
  readonly share: Layer;
  /** Waits for a permit. */
  readonly limit: Layer;
  /** Calls the tool, through breaker and retry. */
  readonly invoke: Layer;
  /** Answers what failed in a layer as problem details; the last of a stack. */
  readonly problems: ErrorLayer;
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
  /** The router's own layers, to stack on other routes. */
  readonly layers: McpoLayers;
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
  const directory = new ServerRegistry(config.servers, config.breaker, config.logger);
  const acceleration = accelerate(config);
  const { policies, cache: caches, freshness, flights, fleet, limits } = acceleration;
  const watch = observability(config, directory, acceleration);
  const { telemetry } = watch;
  const authenticator = new Authenticator(config.auth);
  const identify = identifier(authenticator, config.principal);
  const openApi = openApiPages(directory, config.info, authenticator.secured, policies);
  const docs = docsPages(directory, config.info);
  const dashboard = dashboardPages(directory, authenticator, config.info, watch.json);

  const layers: McpoLayers = {
    observe: observe(),
    authenticate: authenticate(authenticator),
    resolve: resolve(directory),
    readArguments: readArguments(directory, identify, telemetry, config.bodyLimit),
    reply: reply(directory),
    cache: cache(caches, policies, freshness, telemetry, config.logger),
    share: share({ local: flights, fleet, windowMs: config.share?.windowMs ?? 0 }, policies, freshness, telemetry),
    limit: limit((tool) => limits.of(tool), telemetry),
    invoke: invoke(directory, policies, freshness, telemetry),
    problems: problems(telemetry, config.logger),
  };
  const all = [
    layers.observe,
    pages({ ...healthPages(directory, authenticator), ...dashboard.shell }),
    layers.authenticate,
    pages({ ...openApi.all, ...docs.all, ...dashboard.events, '/metrics': watch.page }),
    serverPages(directory, { ...openApi.server, ...docs.server }),
    sessions(directory, identify),
    layers.resolve,
    layers.readArguments,
    layers.reply,
    layers.cache,
    layers.share,
    layers.limit,
    layers.invoke,
  ];
  const router = oneLayerRouter(compose(all, layers.problems));

  const started = Promise.all(directory.servers.map((server) => server.start()));
  let closed: Promise<void> | undefined;
  const closeCaches = async (): Promise<void> => {
    try {
      await caches.close();
    } catch (error) {
      config.logger.error({ err: error }, 'mcpo: a cache store could not be closed');
    }
  };
  const shutDown = async (): Promise<void> => {
    await directory.drain(config.drainTimeoutMs);
    limits.close();
    await directory.close();
    // A write that was cut off may have changed something, of which a shared cache is told.
    await directory.drain(CUT_OFF_MS);
    await closeCaches();
    watch.close();
    dashboard.close();
  };
  const close = (): Promise<void> => (closed ??= shutDown());
  const own = {
    layers,
    cache: caches,
    limiter: limits.global,
    monitor: watch.monitor,
    registry: watch.registry,
    ready: async (): Promise<void> => {
      await started;
    },
    close,
    [Symbol.asyncDispose]: close,
    get stats(): McpoStats {
      const tools = directory.servers.flatMap((server) => server.catalogue.tools);
      return {
        running: directory.running,
        servers: serverStates(directory),
        tools: Object.fromEntries(tools.map((tool) => [`${tool.server}/${tool.name}`, policies.of(tool)])),
      };
    },
  };
  return Object.defineProperties(router, Object.getOwnPropertyDescriptors(own)) as McpoRouter;
}
