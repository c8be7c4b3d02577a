import type { ServerResponse } from 'node:http';
import { Registry } from 'prom-client';
import { concurrencyLimit, requestMetrics } from '../../lib/index';
import { until } from '../support/deferred';
import { RawClient } from '../support/faults/raw-client';
import { GatedLab } from '../support/gated-lab';
import { inExpress5, inPlainHttp, listen } from '../support/hosts';
import { serving } from '../support/serve';

const CALLS = 30;

let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

/** A client that sends so many requests at once over one connection. */
function pipeline(url: string): RawClient {
  const { pathname, origin } = new URL(url);
  const client = new RawClient(origin);
  ends.push(() => {
    client.leave();
  });
  client.write(`POST ${pathname} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n`.repeat(CALLS));
  return client;
}

describe.each([inExpress5, inPlainHttp])('in $name', (host) => {
  const serve = serving(host);

  it('calls that a client has pipelined end with its connection, and are cancelled', async () => {
    const gated = new GatedLab().tool('wait');
    const { url, mcpo } = await serve({ servers: { gated: gated.server } });
    ends.push(() => {
      gated.openAll();
    });
    const client = pipeline(`${url}/gated/wait`);
    await until(() => gated.begun === CALLS);
    expect(mcpo.limiter.current).toBe(CALLS);
    client.leave();
    await until(() => mcpo.stats.running === 0);
    expect(mcpo.limiter.current).toBe(0);
    expect(gated.lab.sent.filter((message) => message.includes('notifications/cancelled'))).toHaveLength(CALLS);
  });

  it('calls that a client has pipelined are answered as long as it stays', async () => {
    const gated = new GatedLab().tool('wait');
    const { url, mcpo } = await serve({ servers: { gated: gated.server } });
    const client = pipeline(`${url}/gated/wait`);
    await until(() => gated.begun === CALLS);
    gated.openAll();
    const answers = await client.answers(CALLS);
    expect(answers).toEqual(Array.from({ length: CALLS }, () => ({ status: 200 })));
    expect(mcpo.stats.running).toBe(0);
  });
});

describe("an app's own route", () => {
  it('gets back the permits of requests that a client has pipelined, running or waiting, and counts them', async () => {
    const register = new Registry();
    const limit = concurrencyLimit({ maxConcurrent: CALLS / 2 });
    const measure = requestMetrics({ register })('route');
    const handed: ServerResponse[] = [];
    const { url, close } = await listen((req, res) => {
      measure(req, res, () => {
        limit(req, res, () => handed.push(res));
      });
    });
    ends.push(close);
    const client = pipeline(`${url}/`);
    await until(() => limit.limiter.waiting === CALLS / 2);
    expect(handed).toHaveLength(CALLS / 2);
    client.leave();
    await until(() => limit.limiter.current === 0);
    expect(limit.limiter.waiting).toBe(0);
    expect(await register.getSingleMetricAsString('http_requests_total')).toContain(`status="499"} ${CALLS}`);
  });
});
