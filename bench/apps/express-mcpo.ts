import { createServer } from 'node:http';
import express from 'express';
import { type McpoOptions, mcpoRouter } from 'express-mcpo';
import { serve, settings } from './child';

/** How the router is served: inside an Express app, or by Node alone. */
interface Settings {
  readonly options: McpoOptions;
  readonly inExpress: boolean;
}

const { options, inExpress } = settings() as Settings;
const mcpo = mcpoRouter(options);
const app = express();
app.use('/mcp', mcpo);
const bare = createServer((req, res) => {
  req.url = req.url?.replace(/^\/mcp/, '') ?? '/';
  mcpo(req as express.Request, res as express.Response, () => res.writeHead(404).end());
});
void mcpo.ready().then(() => {
  serve(inExpress ? createServer(app) : bare, () => ({ cache: mcpo.cache.stats, limiter: mcpo.limiter.peak }));
});
