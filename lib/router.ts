import { Router } from 'express';
import { Authenticator } from './auth/authenticator';
import { resolveConfig } from './config';
import { Directory } from './directory';
import type { ErrorLayer, Layer } from './http';
import { readArguments } from './layers/arguments';
import { authenticate } from './layers/authenticate';
import { invoke } from './layers/invoke';
import { observe } from './layers/observe';
import { problems } from './layers/problems';
import { reply } from './layers/reply';
import { resolve } from './layers/resolve';
import type { ServerStatus } from './mcp/server';
import type { McpoOptions } from './options';
import { docsPages } from './pages/docs';
import { healthPage, serverStates } from './pages/health';
import { openApiPages } from './pages/openapi';
import { pages, serverPages } from './pages/pages';

/** What is going on in a router. */
export interface McpoStats {
  /** How many calls are running. */
  readonly running: number;
  /** The state of each server, by name. */
  readonly servers: Readonly<Record<string, ServerStatus>>;
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
  /** Calls the tool. */
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
  const directory = new Directory(config.servers, config.logger);
  const authenticator = new Authenticator(config.auth);
  const openApi = openApiPages(directory, config.info, authenticator.secured);
  const docs = docsPages(directory, config.info);

  const layers: McpoLayers = {
    observe: observe(),
    authenticate: authenticate(authenticator),
    resolve: resolve(directory),
    readArguments: readArguments(directory, authenticator, config),
    reply: reply(),
    invoke: invoke(directory),
    problems: problems(config.logger),
  };
  const router = Router();
  router.use(
    layers.observe,
    pages({ '/health': healthPage(directory, authenticator) }),
    layers.authenticate,
    pages({ ...openApi.all, ...docs.all }),
    serverPages(directory, { ...openApi.server, ...docs.server }),
    layers.resolve,
    layers.readArguments,
    layers.reply,
    layers.invoke,
    layers.problems,
  );

  const started = Promise.all(directory.servers.map((server) => server.start()));
  const close = (): Promise<void> => directory.close(config.drainTimeoutMs);
  const own = {
    layers,
    ready: async (): Promise<void> => {
      await started;
    },
    close,
    [Symbol.asyncDispose]: close,
    get stats(): McpoStats {
      return { running: directory.running, servers: serverStates(directory) };
    },
  };
  return Object.defineProperties(router, Object.getOwnPropertyDescriptors(own)) as McpoRouter;
}
