import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type RequestHandler } from 'express';
import { type McpoRouter, mcpoRouter } from '../../lib/index';
import { AnswerBatcher } from '../../lib/http/answer-batcher';
import { until } from '../support/deferred';
import { Lab, text } from '../support/lab';
import { silent } from '../support/loggers';
import { post } from '../support/post';

const READ = { annotations: { readOnlyHint: true } };
const lab = (): Lab => new Lab().tool('echo', ({ args }) => text(String(args.n)), READ);

let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

/** A router behind a middleware of the host's. */
async function mounted(server: Lab, middleware: RequestHandler): Promise<{ mcpo: McpoRouter; url: string }> {
  const mcpo = mcpoRouter({ cache: true, servers: { lab: { connect: server.connect } }, logger: silent });
  ends.push(() => mcpo.close());
  await mcpo.ready();
  const http = createServer(express().use(middleware).use('/mcp', mcpo)).listen(0, '127.0.0.1');
  ends.push(() => {
    http.closeAllConnections();
    http.close();
  });
  await once(http, 'listening');
  return { mcpo, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp/lab` };
}

/** What has been done when `count` acts have been added, and when the turn has ended. */
async function turn(burst: AnswerBatcher, count: number): Promise<[atOnce: number, atTheEnd: number]> {
  let done = 0;
  for (let act = 0; act < count; act++)
    burst.add(() => {
      done += 1;
    });
  const atOnce = done;
  await new Promise((resolve) => setImmediate(resolve));
  return [atOnce, done];
}

describe('a Burst', () => {
  it('does at once what has nothing to wait for', async () => {
    const burst = new AnswerBatcher();
    for (let turns = 0; turns < 5; turns++) expect(await turn(burst, 2)).toEqual([2, 2]);
  });

  it('acts at the end of the turn from a dense one on, until there has been none for a hundred', async () => {
    const burst = new AnswerBatcher();
    expect(await turn(burst, 3)).toEqual([3, 3]);
    expect(await turn(burst, 5)).toEqual([0, 5]);
    for (let turns = 0; turns < 100; turns++) expect(await turn(burst, 1)).toEqual([0, 1]);
    expect(await turn(burst, 1)).toEqual([1, 1]);
  });
});

it('answers each request in the async context that its host gave it', async () => {
  const requests = new AsyncLocalStorage<string>();
  const seen: [sent: string, finished: string | undefined][] = [];
  const { url } = await mounted(lab(), (req, res, next) => {
    const id = String(req.headers['x-request-id']);
    res.once('finish', () => seen.push([id, requests.getStore()]));
    requests.run(id, next);
  });
  const send = (id: string, n: number): Promise<unknown> =>
    post(`${url}/echo`, { args: { n }, headers: { 'x-request-id': id } });
  await send('first', 0);
  // Hits, leaders and followers, at the same time.
  const ids = Array.from({ length: 30 }, (_, n) => `request-${n}`);
  await Promise.all(ids.map((id, n) => send(id, n % 10)));
  await until(() => seen.length === 31);
  expect(seen.map(([sent]) => sent).sort()).toEqual(['first', ...ids].sort());
  for (const [sent, finished] of seen) expect(finished).toBe(sent);
});

it('has answered the hits that wait for the end of the turn when close() resolves', async () => {
  const responses: ServerResponse[] = [];
  const { mcpo, url } = await mounted(lab(), (_req, res, next) => {
    responses.push(res);
    next();
  });
  const hits = (): Promise<number[]> =>
    Promise.all(Array.from({ length: 20 }, async () => (await post(`${url}/echo`, { args: { n: 1 } })).status));
  const answered = (): ServerResponse[] =>
    responses.filter(({ writableEnded, statusCode }) => writableEnded && statusCode === 200);
  await hits();
  await hits();
  responses.length = 0;
  let found = 0;
  const closed = new Promise<number>((resolve) => {
    mcpo.cache.default.on('hit', () => {
      found += 1;
      process.nextTick(() => {
        // A hit that has been found and not answered: it waits.
        if (answered().length < found) resolve(mcpo.close().then(() => answered().length));
      });
    });
  });
  const statuses = hits();
  const before = await closed;
  expect([found > 0, before]).toEqual([true, found]);
  expect((await statuses).filter((status) => status === 200)).toHaveLength(found);
});
