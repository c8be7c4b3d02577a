import { once } from 'node:events';
import { type RequestListener, type Server, type ServerResponse, createServer } from 'node:http';
import express from 'express';
import { type McpoOptions, type McpoRouter, mcpoRouter } from 'express-mcpo';
import { joinFleet } from './redis';

/** The MCP servers where `MCP_SERVERS`, a Claude Desktop `mcpServers` object, does not say others. */
const SERVERS: McpoOptions['servers'] = {
  everything: {
    command: process.execPath,
    args: [require.resolve('@modelcontextprotocol/server-everything/dist/index.js'), 'stdio'],
  },
};

/** A running instance. */
export interface Instance {
  readonly mcpo: McpoRouter;
  /** Lets running calls end, then ends all that it has started. */
  readonly close: () => Promise<void>;
}

/** Starts one instance of the app, which listens once its MCP servers have been tried. */
export async function startApp(env: NodeJS.ProcessEnv): Promise<Instance> {
  const { fleet, leave } = joinFleet(env.REDIS_URL ?? 'redis://127.0.0.1:6379', {
    prefix: env.REDIS_PREFIX ?? 'mcpo:',
    timeoutMs: Number(env.REDIS_TIMEOUT_MS ?? 100),
  });
  const mcpo = mcpoRouter({
    servers: env.MCP_SERVERS ? (JSON.parse(env.MCP_SERVERS) as McpoOptions['servers']) : SERVERS,
    cache: { store: fleet.store },
    share: { fleet: fleet.flights },
  });
  await mcpo.ready();

  const answers = new Set<ServerResponse>();
  let isClosing = false;
  const app = express();
  app.use((_req, res, next) => {
    // A proxy sends nothing more over a connection whose last answer says so.
    if (isClosing) res.setHeader('Connection', 'close');
    answers.add(res);
    res.once('close', () => answers.delete(res));
    next();
  });
  app.use('/mcp', mcpo);
  const server = await listen(app, Number(env.PORT ?? 8000), env.HOST);
  // Longer than a proxy keeps a connection (nginx: 60 s), so that none ends here as it is used again there.
  server.keepAliveTimeout = 75_000;

  return {
    mcpo,
    close: async () => {
      isClosing = true;
      for (const res of answers) if (!res.headersSent) res.setHeader('Connection', 'close');
      const closed = once(server, 'close');
      // New connections are refused, or go to other workers.
      server.close();
      await mcpo.close();
      await leave();
      // Who does not read its answer must not keep the process for ever.
      const patience = setTimeout(() => server.closeAllConnections(), 2_000);
      server.closeIdleConnections();
      await closed;
      clearTimeout(patience);
    },
  };
}

/** Serves an instance's metrics without the API key, on a port that only Prometheus should reach. */
async function serveMetrics({ registry }: McpoRouter, port: number, host?: string): Promise<Server> {
  return listen(
    (_req, res) => {
      registry.metrics().then(
        (text) => res.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
        (error: unknown) => res.writeHead(500).end(String(error)),
      );
    },
    port,
    host,
  );
}

async function listen(listener: RequestListener, port: number, host = '127.0.0.1'): Promise<Server> {
  const server = createServer(listener).listen(port, host);
  await once(server, 'listening');
  return server;
}

/** One instance alone, until it is told to end. */
async function main({ env }: NodeJS.Process): Promise<void> {
  const reasons = ['SIGINT', 'SIGTERM', 'disconnect'];
  const abandon = (): never => process.exit();
  for (const reason of reasons) process.on(reason, abandon);
  const instance = await startApp(env);
  const metrics = env.METRICS_PORT ? await serveMetrics(instance.mcpo, Number(env.METRICS_PORT), env.HOST) : undefined;
  console.log(`Instance ${process.pid} listens on port ${env.PORT ?? 8000}`);

  let ended: Promise<void> | undefined;
  const end = (): void => {
    ended ??= instance.close().then(() => {
      metrics?.close();
      metrics?.closeAllConnections();
      // What started it, if anything did, has a channel to it.
      if (process.connected) process.disconnect();
    });
  };
  for (const reason of reasons) process.off(reason, abandon).on(reason, end);
}

if (require.main === module) void main(process);
