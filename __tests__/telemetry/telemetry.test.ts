import { McpError } from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import type { McpoOptions } from '../../lib/index';
import { until } from '../support/deferred';
import { GatedLab } from '../support/gated-lab';
import { type Mounted, listen } from '../support/hosts';
import { Lab, text } from '../support/lab';
import { PinoLike } from '../support/pino-like';
import { caller, post } from '../support/post';
import { serving } from '../support/serve';
import { scripted } from '../support/stdio';

const serve = serving(undefined, { cache: true });

const IN_ARGUMENTS = 'secret-in-arguments';
const IN_RESULT = 'secret-in-result';
const IN_HEADER = 'secret-in-header';
const IN_URL = 'secret-in-query';
const KEY = 'secret-api-key';
const SECRETS = [IN_ARGUMENTS, IN_RESULT, IN_HEADER, IN_URL, KEY];

const headers = { authorization: `Bearer ${KEY}`, 'x-tenant': IN_HEADER, cookie: `session=${IN_HEADER}` };
const args = { word: IN_ARGUMENTS, deep: [{ [IN_ARGUMENTS]: 1 }] };
const STRICT = { type: 'object' as const, properties: { n: { type: 'number' } }, required: ['n'] };

const lab = (): Lab =>
  new Lab()
    .tool('read', () => text(IN_RESULT), { annotations: { readOnlyHint: true } })
    .tool('write', () => text(IN_RESULT))
    .tool('fail', () => ({ ...text(IN_RESULT), isError: true }))
    .tool('refuse', ({ args: { word } }) => {
      throw new McpError(-32_000, `${IN_RESULT} ${String(word)}`);
    })
    .tool('strict', () => text('1'), { inputSchema: STRICT })
    .tool('drop', async () => {
      for (const each of [...current.servers]) await each.close();
      return text(IN_RESULT);
    });

let current: Lab;

interface Started {
  readonly url: string;
  readonly log: PinoLike;
}

async function start(servers?: McpoOptions['servers'], options: Partial<McpoOptions> = {}): Promise<Started> {
  const log = new PinoLike();
  current = lab();
  const own = { lab: { connect: current.connect, forwardHeaders: ['X-Tenant'] } };
  const { url } = await serve({ servers: servers ?? own, logger: log, apiKey: KEY, retry: false, ...options });
  return { url, log };
}

/** Nothing that a method of the logger was given holds a secret. */
function expectNoSecrets(log: PinoLike, ...levels: Parameters<PinoLike['text']>): void {
  const all = log.text(...levels);
  expect(SECRETS.filter((secret) => all.includes(secret))).toEqual([]);
}

const LINE = { requestId: expect.any(String), durationMs: expect.any(Number) };

describe('each request is one line, with what it was for and how it ended', () => {
  it.each([
    ['that is answered', 'read', {}, 'success', 200],
    ['whose tool fails', 'fail', {}, 'tool_error', 500],
    ['that the server refuses', 'refuse', {}, 'server_error', 500],
    ['with arguments that do not fit', 'strict', {}, 'invalid_arguments', 422],
    ['whose server breaks off', 'drop', {}, 'connection_lost', 502],
    ['that is too large', 'read', { bodyLimit: 10 }, 'body_too_large', 413],
  ])('for one %s', async (_what, tool, options, outcome, status) => {
    const { url, log } = await start(undefined, options);
    const answer = await post(`${url}/lab/${tool}?q=${IN_URL}`, { args, headers });
    expect(answer.status).toBe(status);
    expect(log.requests).toEqual([{ ...LINE, server: 'lab', tool, outcome, requestId: answer.header('x-request-id') }]);
    expectNoSecrets(log);
  });

  it.each([
    ['an unknown tool', '/lab/secret-in-query', headers, 'unknown_tool', 404],
    ['an unknown server', '/secret-in-query/read', headers, 'unknown_server', 404],
    ['a wrong key', '/lab/read', { ...headers, authorization: `Bearer ${KEY}x` }, 'unauthorized', 401],
  ])('for one with %s, which names neither server nor tool', async (_what, path, given, outcome, status) => {
    const { url, log } = await start();
    expect((await post(url + path, { args, headers: given })).status).toBe(status);
    expect(log.requests).toEqual([{ ...LINE, server: undefined, tool: undefined, outcome }]);
    expectNoSecrets(log);
  });

  it('for one whose body is no JSON', async () => {
    const { url, log } = await start();
    const init = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' } };
    expect((await fetch(`${url}/lab/read`, { ...init, body: `{"${IN_ARGUMENTS}"` })).status).toBe(400);
    expect(log.requests).toEqual([{ ...LINE, server: 'lab', tool: 'read', outcome: 'invalid_json' }]);
    expectNoSecrets(log);
  });

  it('for each of those that share a call, and one from the cache', async () => {
    const gated = new GatedLab().tool('read', { readOnlyHint: true }, () => text(IN_RESULT));
    const { url, log } = await start({ lab: gated.server });
    const pair = [post(`${url}/lab/read`, { args, headers }), post(`${url}/lab/read`, { args, headers })];
    await until(() => gated.begun === 1);
    gated.openAll();
    await Promise.all(pair);
    await post(`${url}/lab/read`, { args, headers });
    expect(log.requests.map(({ outcome }) => outcome)).toEqual(['success', 'success', 'success']);
    expect(new Set(log.requests.map(({ requestId }) => requestId)).size).toBe(3);
    expectNoSecrets(log);
  });

  it('for one whose caller leaves, with the time that it took', async () => {
    const gated = new GatedLab().tool('wait');
    const { url, log } = await start({ lab: gated.server });
    const begun = performance.now();
    const { leave } = caller(`${url}/lab/wait`, { args, headers: { ...headers, 'x-request-id': 'mine' } });
    await until(() => gated.begun === 1);
    leave();
    await until(() => log.requests.length > 0);
    const [line] = log.requests;
    expect(line).toEqual({ requestId: 'mine', server: 'lab', tool: 'wait', outcome: 'caller_gone', ...DURATION });
    expect(line?.durationMs).toBeLessThanOrEqual(performance.now() - begun);
    gated.openAll();
    expectNoSecrets(log);
  });

  it('and none for a page', async () => {
    const { url, log } = await start();
    for (const page of ['health', 'metrics', 'openapi.json']) {
      expect((await fetch(`${url}/${page}`, { headers })).status).toBe(200);
    }
    expect(log.requests).toEqual([]);
  });
});

const DURATION = { durationMs: expect.any(Number) };

it('the lines are told at debug, as the host has its own, and nothing else is told of requests that end as they should', async () => {
  const { url, log } = await start();
  for (const tool of ['read', 'write', 'fail']) await post(`${url}/lab/${tool}`, { args, headers });
  expect(log.entries().map(({ level, message }) => `${level} ${message}`)).toEqual(
    Array.from({ length: 3 }, () => 'debug mcpo: request'),
  );
});

it('an answer that comes too late is not written down', async () => {
  const gated = new GatedLab().tool('late', undefined, () => text(IN_RESULT));
  const { url, log } = await start({ lab: { ...gated.server, timeoutMs: 50 } });
  expect((await post(`${url}/lab/late`, { args, headers })).status).toBe(504);
  gated.openAll();
  // The SDK's server does not answer what has been cancelled; others do.
  const [each] = gated.lab.servers;
  await each?.transport?.send({ jsonrpc: '2.0', id: 1_000, result: { content: [{ type: 'text', text: IN_RESULT }] } });
  await until(() => log.entries('debug').some(({ message }) => /unknown message ID/.test(message)));
  expectNoSecrets(log);
});

it('what goes wrong unexpectedly is told once, as an error with its reason', async () => {
  const reason = new Error('the store of keys is gone');
  const { url, log } = await start(undefined, {
    principal: () => Promise.reject(reason),
  });
  expect((await post(`${url}/lab/read`, { args, headers })).status).toBe(500);
  expect(log.entries('error')).toEqual([
    { level: 'error', fields: { err: reason }, message: 'mcpo: a request failed unexpectedly' },
  ]);
  expect(log.requests).toMatchObject([{ outcome: 'internal' }]);
  expectNoSecrets(log);
});

describe('a child process', () => {
  it('has what it prints on standard error told at debug alone', async () => {
    const { command, args: script } = scripted(['good', `it says ${IN_RESULT}\n`]);
    const { url, log } = await start({ lab: { command, args: script } });
    expect((await post(`${url}/lab/echo`, { args: { text: IN_ARGUMENTS }, headers })).status).toBe(200);
    await until(() => log.text('debug').includes(`it says ${IN_RESULT}`));
    expectNoSecrets(log, 'info', 'warn', 'error');
    expect(log.text()).not.toContain(IN_ARGUMENTS);
  });

  it.each([
    ['that is no result', `{"jsonrpc":"2.0","id":"ID","result":{"content":"${IN_RESULT}"}}`, 'bad_response'],
    ['that is no message', `{"jsonrpc":"2.0","id":"ID","outcome":"${IN_RESULT}"}`, 'bad_response'],
  ])('that gives an answer %s is not quoted', async (_what, line, outcome) => {
    const { command, args: script } = scripted();
    const { url, log } = await start({ lab: { command, args: script } });
    await post(`${url}/lab/verbatim`, { args: { text: line, word: IN_ARGUMENTS }, headers });
    expect(log.requests).toMatchObject([{ outcome }]);
    expectNoSecrets(log);
  });
});

describe('a server that answers by HTTP with all that it was sent', () => {
  let upstream: Mounted;
  beforeEach(async () => {
    const app = express().use(express.json());
    app.post('/', (req, res) => {
      const { id, method } = req.body as { id?: number; method: string };
      const serverInfo = { name: 'echo', version: '1' };
      const results: Record<string, object> = {
        initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo },
        'tools/list': { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] },
      };
      if (id === undefined) res.status(202).end();
      else if (results[method]) res.json({ jsonrpc: '2.0', id, result: results[method] });
      else res.status(500).send(`${IN_RESULT} ${JSON.stringify([req.headers, req.body])}`);
    });
    app.use((_req, res) => res.status(405).end());
    upstream = await listen(app);
  });
  afterEach(() => upstream.close());

  it('is not quoted', async () => {
    const { url, log } = await start({ lab: { url: upstream.url, forwardHeaders: ['X-Tenant'] } });
    expect((await post(`${url}/lab/echo`, { args, headers })).status).toBe(502);
    expect(log.requests).toMatchObject([{ outcome: 'bad_response' }]);
    expect(log.entries('debug')).not.toEqual([]);
    expectNoSecrets(log);
  });
});
