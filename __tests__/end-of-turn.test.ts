import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type RequestHandler } from 'express';
import { type McpoOptions, type McpoRouter, mcpoRouter } from '../lib';
import { deferred, until } from './support/deferred';
import { Lab, text } from './support/lab';
import { silent } from './support/loggers';
import { post } from './support/post';

const READ = { annotations: { readOnlyHint: true } };
const lab = (): Lab => new Lab().tool('echo', ({ args }) => text(String(args.n)), READ);

let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

/** A router behind a middleware of the host's. */
async function mounted(
  server: Lab,
  middleware: RequestHandler,
  options: Partial<McpoOptions> = {},
): Promise<{ mcpo: McpoRouter; url: string; http: Server }> {
  const mcpo = mcpoRouter({ servers: { lab: { connect: server.connect } }, logger: silent, ...options });
  ends.push(() => mcpo.close());
  await mcpo.ready();
  const http = createServer(express().use(middleware).use('/mcp', mcpo)).listen(0, '127.0.0.1');
  ends.push(() => {
    http.closeAllConnections();
    http.close();
  });
  await once(http, 'listening');
  return { mcpo, http, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp/lab` };
}

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

it('makes a warning of what the host throws while it is answered, and answers the others', async () => {
  const warn = jest.spyOn(process, 'emitWarning').mockReturnValue(undefined);
  ends.push(() => warn.mockRestore());
  const { url, http } = await mounted(lab(), (req, res, next) => {
    if (req.headers['x-broken'] !== undefined) {
      // The first header that the router sets is one of the answer.
      res.setHeader('X-Request-Id', 'of the host');
      res.setHeader = () => {
        throw new Error('no header of yours');
      };
    }
    next();
  });
  const broken = post(`${url}/echo`, { args: { n: 1 }, headers: { 'x-broken': 'yes' } }).catch(() => 'broken off');
  expect((await post(`${url}/echo`, { args: { n: 2 } })).body).toBe(2);
  await until(() => warn.mock.calls.length > 0);
  http.closeAllConnections();
  await broken;
  expect(warn.mock.calls).toEqual([[new Error('no header of yours')]]);
});

it('has sent the answers of running calls when close() resolves', async () => {
  const gate = deferred();
  const responses: ServerResponse[] = [];
  const slow = lab().tool('slow', () => gate.promise.then(() => text('done')), READ);
  const { mcpo, url } = await mounted(slow, (_req, res, next) => {
    responses.push(res);
    next();
  });
  const answers = [1, 2, 3].map((n) => post(`${url}/slow`, { args: { n } }));
  await until(() => slow.runs.get('slow') === 3);
  const closed = mcpo.close().then(() => responses.map((response) => response.writableEnded));
  gate.resolve();
  expect(await closed).toEqual([true, true, true]);
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
});
