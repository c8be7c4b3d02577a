import express, { type RequestHandler } from 'express';
import express4 from 'express4';
import request from 'supertest';
import { oneLayerRouter } from '../lib/one-layer-router';

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('in an app of %s', (_name, make) => {
  const app = (router: express.Router): express.Express => make().use('/mcp', router) as express.Express;

  it('the one layer sees the path below the mount point', async () => {
    const router = oneLayerRouter((req, res) => res.end(req.url));
    expect((await request(app(router)).get('/mcp/a/b?c=1')).text).toBe('/a/b?c=1');
  });

  it('what the layer leaves goes to the app, and so does its error', async () => {
    const seen: string[] = [];
    const router = oneLayerRouter((req, _res, next) => {
      next(req.url === '/bad' ? new Error('of the layer') : undefined);
    });
    const whole = app(router)
      .use(((req, res) => res.end(`app ${req.originalUrl} ${req.url}`)) as RequestHandler)
      .use(((error, _req, res, _next) => {
        seen.push(String(error));
        res.status(418).end();
      }) as express.ErrorRequestHandler);
    expect((await request(whole).get('/mcp/good')).text).toBe('app /mcp/good /mcp/good');
    expect((await request(whole).get('/mcp/bad')).status).toBe(418);
    expect(seen).toEqual(['Error: of the layer']);
  });

  it('what is added to it later gets its turn', async () => {
    const router = oneLayerRouter((_req, _res, next) => {
      next();
    });
    const agent = request(app(router));
    expect((await agent.get('/mcp/late/7')).status).toBe(404);
    router.get('/late/:id', (req, res) => {
      res.end(`${req.baseUrl} ${req.params.id}`);
    });
    expect((await agent.get('/mcp/late/7')).text).toBe('/mcp 7');
    expect((await agent.options('/mcp/late/7')).headers.allow).toMatch(/GET/);
  });

  it('a layer put in place of the one is found like any other', async () => {
    const router = oneLayerRouter((_req, res) => res.end('first'));
    router.stack.pop();
    router.get('/second', (_req, res) => {
      res.end('second');
    });
    const agent = request(app(router));
    expect((await agent.get('/mcp/second')).text).toBe('second');
    expect((await agent.get('/mcp/first')).status).toBe(404);
  });
});
