import { request as plainRequest } from 'node:http';
import express from 'express';
import express4 from 'express4';
import { Registry } from 'prom-client';
import request from 'supertest';
import { ConfigError, requestMetrics } from '../../lib';
import { deferred, until } from '../support/deferred';
import { listen } from '../support/hosts';

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('in an app of %s', (_name, make) => {
  it('counts and times the requests of its routes', async () => {
    const register = new Registry();
    const measured = requestMetrics({ register, prefix: 'app_' });
    const app = make()
      .use(
        '/reports',
        measured('reports') as never,
        ((_req: unknown, res: { end: (body: string) => void }) => {
          res.end('done');
        }) as never,
      )
      .use('/search', measured('search') as never);
    for (const path of ['/reports/1', '/reports/2?secret', '/search']) await request(app as never).get(path);
    await request(app as never).post('/reports');
    const text = await register.metrics();
    expect(text).toContain('app_http_requests_total{route="reports",method="GET",status="200"} 2');
    expect(text).toContain('app_http_requests_total{route="reports",method="POST",status="200"} 1');
    expect(text).toContain('app_http_requests_total{route="search",method="GET",status="404"} 1');
    expect(text).toContain('app_http_request_duration_seconds_count{route="reports",method="GET"} 2');
    expect(text).not.toContain('secret');
  });
});

it('counts a caller who leaves, and any method, without a new label for it', async () => {
  const register = new Registry();
  const measured = requestMetrics({ register });
  const came = deferred();
  const app = express().use(measured('slow'), () => {
    came.resolve();
  });
  const mounted = await listen(app as never);
  const req = plainRequest(mounted.url, { method: 'PROPFIND' }).on('error', () => undefined);
  req.end();
  await came.promise;
  req.destroy();
  const left = 'http_requests_total{route="slow",method="other",status="499"} 1';
  await until(async () => (await register.metrics()).includes(left));
  await mounted.close();
});

it('refuses what cannot work', () => {
  const register = new Registry();
  const measured = requestMetrics({ register });
  expect(() => requestMetrics({ register })).toThrow(ConfigError);
  expect(() => measured('')).toThrow('route must be a non-empty string');
});
