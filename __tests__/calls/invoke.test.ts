import { mkdtempSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ServerResponse } from 'node:http';
import {
  type CustomServerOptions,
  type HttpServerOptions,
  type McpoOptions,
  type McpoRouter,
  type StdioServerOptions,
  mcpoRouter,
} from '../../lib/index';
import { deferred, until } from '../support/deferred';
import { inExpress5, listen } from '../support/hosts';
import { HttpLedger } from '../support/http-ledger';
import { Lab, text } from '../support/lab';
import { Ledger } from '../support/ledger';
import { type Answer, post } from '../support/post';
import { answer, byHand, sendJson } from '../support/mcp-http';
import { silent } from '../support/loggers';
import { type Served, serving } from '../support/serve';

const serve = serving();

type Call = (tool: string, args?: object) => Promise<Answer>;

/** The detail of a 503: the server, what is known of it, and why. */
const detail = (state: string, reason: string): unknown =>
  expect.stringMatching(new RegExp(`^server \\w+ \\((?:${state}) since \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z\\): ${reason}$`));
const codeOf = ({ body }: Answer): unknown => (body as { code?: unknown }).code;

describe('a child process that is killed in the middle of a call', () => {
  let ledger: Ledger;
  beforeEach(() => {
    ledger = new Ledger();
  });
  afterEach(() => ledger.remove());

  async function app(options: Partial<McpoOptions> = {}, server: Partial<StdioServerOptions> = {}): Promise<Call> {
    const { url } = await serve({ servers: { lab: { ...ledger.server, ...server } }, ...options });
    return (tool, args = {}) => post(`${url}/lab/${tool}`, { args });
  }

  /** The processes in which a call was executed. */
  const processes = (op: string): string[] =>
    ledger
      .lines()
      .filter((line) => line.event === 'begin' && line.op === op)
      .map((line) => line.execution.split('-')[0] ?? '');

  it.each([
    ['reads', 'crash-once', {}],
    ['is idempotent', 'crash-once-idempotent', {}],
    ['access says is idempotent', 'crash-once', { access: { '*/crash-once': 'idempotent' as const } }],
  ])('has the call answered by another one when the tool %s', async (_what, tool, options) => {
    const call = await app(options);
    expect(await call(tool, { op: 'x' })).toMatchObject({ status: 200, body: { version: 0 } });
    const [first, second, ...more] = processes('x');
    expect(second).toBeDefined();
    expect(second).not.toBe(first);
    expect(more).toEqual([]);
  });

  it.each<[string, string, Partial<McpoOptions>, Partial<StdioServerOptions>]>([
    ['the tool writes', 'crash', {}, {}],
    ['access says that it writes', 'crash-once', { access: { 'lab/crash-*': 'write' } }, {}],
    ['nothing is known of the tool', 'crash-once', {}, { trustAnnotations: false }],
    ['retry is false', 'crash-once', { retry: false }, {}],
    ['retry is false for its server', 'crash-once', {}, { retry: false }],
    ['there is one attempt', 'crash-once', { retry: { maxAttempts: 1 } }, {}],
  ])('is not called again when %s', async (_when, tool, options, server) => {
    const call = await app(options, server);
    expect(await call(tool, { op: 'x' })).toMatchObject({
      status: 502,
      body: { code: 'MCPO_CONNECTION_LOST', outcome: 'unknown', server: 'lab', tool },
    });
    // Whatever was sent again would have come before this.
    await until(async () => (await call('read', { op: 'later' })).status === 200);
    expect(ledger.executions('x')).toBe(1);
  });
});

/** A lab that can be switched off, and two routers' worth of tools in it. */
class Switchable {
  isOn = true;
  connects = 0;
  readonly lab = new Lab()
    .tool('read', () => text('1'), { annotations: { readOnlyHint: true } })
    .tool('write', () => text('1'))
    .tool('fail', () => ({ ...text('no'), isError: true }));

  /** For `servers`. */
  get server(): CustomServerOptions {
    return {
      connect: (context) => {
        this.connects += 1;
        if (!this.isOn) throw new Error('refused');
        return this.lab.connect(context);
      },
    };
  }

  /** Drops all connections and takes no more. */
  async off(): Promise<void> {
    this.isOn = false;
    for (const server of [...this.lab.servers]) await server.close();
  }
}

async function labs(options: Partial<McpoOptions> = {}): Promise<{ lab: Switchable; call: Call; elsewhere: Call }> {
  const lab = new Switchable();
  const { url } = await serve({
    servers: { lab: lab.server, other: new Switchable().server },
    breaker: { threshold: 3, cooldownMs: 60_000 },
    cache: false,
    ...options,
  });
  return {
    lab,
    call: (tool, args = {}) => post(`${url}/lab/${tool}`, { args }),
    elsewhere: (tool, args = {}) => post(`${url}/other/${tool}`, { args }),
  };
}

/** Expects calls that are refused to wait for nothing: by turns with calls that are served, which take longer. */
async function expectAtOnce(refused: () => Promise<Answer>, served: () => Promise<Answer>): Promise<void> {
  const best = { refused: Infinity, served: Infinity };
  const time = async (kind: keyof typeof best, call: () => Promise<Answer>, status: number): Promise<void> => {
    const began = performance.now();
    expect((await call()).status).toBe(status);
    best[kind] = Math.min(best[kind], performance.now() - began);
  };
  for (let count = 0; count < 50; count += 1) {
    await time('refused', refused, 503);
    await time('served', served, 200);
  }
  expect(best.refused / best.served).toBeLessThan(2);
}

function expectUnavailable(answer: Answer): void {
  expect(answer.status).toBe(503);
  expect(Number(answer.header('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(answer.body).not.toHaveProperty('outcome');
}

/** Pauses are random parts of what grows from try to try: small parts keep the tests short. */
function shortPauses(): void {
  beforeEach(() => {
    jest.spyOn(Math, 'random').mockReturnValue(0.02);
  });
  afterEach(() => jest.restoreAllMocks());
}

describe('a server that refuses every connection', () => {
  shortPauses();

  it('fails its calls at once after the first, until it is back; without HTTP no breaker opens', async () => {
    const { lab, call, elsewhere } = await labs();
    await lab.off();
    for (let failure = 0; failure < 6; failure += 1) {
      const answer = await call('write');
      expectUnavailable(answer);
      expect(codeOf(answer)).toBe('MCPO_SERVER_DOWN');
    }
    await expectAtOnce(
      () => call('read'),
      () => elsewhere('write'),
    );

    lab.isOn = true;
    await until(async () => (await call('write')).status === 200);
    expect((await call('read')).status).toBe(200);
  }, 15_000);

  it('fails its calls at once from the beginning, and serves when it is there', async () => {
    const lab = new Switchable();
    lab.isOn = false;
    const { url } = await serve({ servers: { lab: lab.server, other: new Switchable().server } });
    const answer = await post(`${url}/lab/read`);
    expectUnavailable(answer);
    await expectAtOnce(
      () => post(`${url}/lab/read`),
      () => post(`${url}/other/write`),
    );
    lab.isOn = true;
    await until(async () => (await post(`${url}/lab/read`)).status === 200);
  }, 15_000);

  it('may have had the first try: then that is what the caller is told, and nothing older is read', async () => {
    const lab = new Switchable();
    let value = 1;
    lab.lab
      .tool('read', () => text(String(value)), { annotations: { readOnlyHint: true } })
      .tool(
        'put',
        async () => {
          value += 1;
          await lab.off();
          return text('nobody hears this');
        },
        { annotations: { readOnlyHint: false, idempotentHint: true } },
      );
    const { url } = await serve({ servers: { lab: lab.server } });
    expect((await post(`${url}/lab/read`)).body).toBe(1);
    expect(await post(`${url}/lab/put`)).toMatchObject({
      status: 502,
      body: { code: 'MCPO_CONNECTION_LOST', outcome: 'unknown' },
    });
    expectUnavailable(await post(`${url}/lab/read`));
  }, 15_000);
});

describe('a server over HTTP that was connected and is gone', () => {
  shortPauses();
  let ledger: HttpLedger;
  beforeEach(async () => {
    ledger = new HttpLedger();
    await ledger.start();
  });
  afterEach(() => ledger.end());

  async function gone(breaker: McpoOptions['breaker']): Promise<{ call: Call; elsewhere: Call; mcpo: McpoRouter }> {
    const { url, mcpo } = await serve({
      servers: { web: ledger.web, other: new Switchable().server },
      breaker,
      cache: false,
    });
    const call: Call = (tool, args = {}) => post(`${url}/web/${tool}`, { args: { op: 'x', ...args } });
    expect((await call('read')).status).toBe(200);
    await ledger.kill();
    return { call, elsewhere: (tool) => post(`${url}/other/${tool}`), mcpo };
  }

  it('is left alone after some calls, which then fail at once, until it is back', async () => {
    const { call, elsewhere, mcpo } = await gone({ threshold: 3, cooldownMs: 60_000 });
    const breakerState = async (): Promise<unknown> =>
      (await mcpo.registry.metrics()).match(/^mcpo_breaker_state\{server="web"\} (\d)$/m)?.[1];
    for (let failure = 0; failure < 3; failure += 1) {
      expect(await breakerState()).toBe('0');
      const answer = await call('write');
      expectUnavailable(answer);
      expect(codeOf(answer)).toBe('MCPO_SERVER_DOWN');
    }
    expect(await breakerState()).toBe('2');
    const refused = await call('write');
    expectUnavailable(refused);
    expect(codeOf(refused)).toBe('MCPO_BREAKER_OPEN');
    expect(refused.body).toMatchObject({
      detail: detail('down', 'no connection could be opened for 3 calls in a row'),
    });
    expect(Number(refused.header('retry-after'))).toBeGreaterThan(50);
    await expectAtOnce(
      () => call('read'),
      () => elsewhere('write'),
    );

    await ledger.start();
    await until(async () => (await call('write')).status === 200);
    expect(await breakerState()).toBe('0');
    expect((await call('read')).status).toBe(200);
  }, 20_000);

  it('is tried again after breaker.cooldownMs too', async () => {
    const { call } = await gone({ threshold: 1, cooldownMs: 30 });
    await until(async () => codeOf(await call('read')) === 'MCPO_BREAKER_OPEN');
    await until(async () => codeOf(await call('read')) === 'MCPO_SERVER_DOWN');
    await ledger.start();
    await until(async () => (await call('read')).status === 200);
  }, 20_000);
});

describe('a server that is starting', () => {
  /** A lab that can be connected to once the test says so. */
  async function starting(options: Partial<McpoOptions> = {}): Promise<{
    url: string;
    mcpo: McpoRouter;
    gate: ReturnType<typeof deferred<undefined>>;
  }> {
    const { lab } = new Switchable();
    const gate = deferred<undefined>();
    const connect: CustomServerOptions['connect'] = async (context) => {
      await gate.promise;
      return lab.connect(context);
    };
    const mcpo = mcpoRouter({ servers: { lab: { connect } }, logger: silent, drainTimeoutMs: 100, ...options });
    const { url, close } = await inExpress5.mount(mcpo);
    ends.push(close, () => mcpo.close());
    return { url, mcpo, gate };
  }
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  it('has its calls wait for the first try', async () => {
    const { url, mcpo, gate } = await starting();
    const answers = [post(`${url}/lab/write`), post(`${url}/lab/none`), mcpo.callTool('lab', 'write')] as const;
    const wrongMethod = fetch(`${url}/lab/write`);
    await new Promise(setImmediate);
    gate.resolve(undefined);
    expect((await answers[0]).body).toBe(1);
    expect(codeOf(await answers[1])).toBe('MCPO_UNKNOWN_TOOL');
    expect(await answers[2]).toMatchObject(text('1'));
    expect((await wrongMethod).status).toBe(405);
  });

  it('has them fail with it, and at once from then on', async () => {
    const { url, mcpo, gate } = await starting();
    const answers = [post(`${url}/lab/write`), mcpo.callTool('lab', 'write').catch((error: unknown) => error)] as const;
    await new Promise(setImmediate);
    gate.reject(new Error('refused'));
    expectUnavailable(await answers[0]);
    expect(codeOf(await answers[0])).toBe('MCPO_SERVER_DOWN');
    expect(await answers[1]).toMatchObject({ code: 'MCPO_SERVER_DOWN' });
    expectUnavailable(await post(`${url}/lab/write`));
  });

  it('has them wait for acquireTimeoutMs at most', async () => {
    const { url } = await starting({ pool: { acquireTimeoutMs: 30 } });
    const answer = await post(`${url}/lab/write`);
    expectUnavailable(answer);
    expect(answer.body).toMatchObject({
      code: 'MCPO_SERVER_DOWN',
      detail: detail('connecting', 'it is still starting'),
    });
  });

  it('has none wait whose caller has left, or whose router closes', async () => {
    const { mcpo } = await starting();
    const caller = new AbortController();
    const left = mcpo.callTool('lab', 'write', {}, { signal: caller.signal });
    caller.abort();
    await expect(left).rejects.toMatchObject({ code: 'MCPO_CALLER_GONE' });
    const waiting = expect(mcpo.callTool('lab', 'write')).rejects.toMatchObject({ code: 'MCPO_CLOSING' });
    await mcpo.close();
    await waiting;
  });
});

/** A server over HTTP by hand, whose every `tools/call` the test answers; one tool writes, one reads. */
class ByHand {
  readonly calls: { readonly tool: string; readonly credential: string | undefined }[] = [];
  sessions = 0;
  onCall: (res: ServerResponse, id: number | undefined, number: number) => void = (res, id) =>
    sendJson(res, answer(id, text('1')));
  /** Answers all that is neither a handshake, a list nor a call. */
  onOther: (res: ServerResponse, id: number | undefined) => void = (res, id) => sendJson(res, answer(id, {}));
  readonly listener = byHand(
    ({ method, id, params }, res, req) => {
      const { authorization } = req.headers;
      if (method === 'tools/list') {
        const tools = ['write', 'read'].map((name) => ({
          name,
          inputSchema: { type: 'object' },
          annotations: { readOnlyHint: name === 'read' },
        }));
        sendJson(res, answer(id, { tools }));
      } else if (method === 'tools/call') {
        this.calls.push({ tool: params?.name ?? '', credential: authorization });
        this.onCall(res, id, this.calls.length);
      } else this.onOther(res, id);
    },
    { sessionId: () => String(++this.sessions) },
  );
  readonly #ends: (() => Promise<void>)[] = [];

  async serve(server: Partial<HttpServerOptions> = {}, options: Partial<McpoOptions> = {}): Promise<Served> {
    const { url, close } = await listen((req, res) => void this.listener(req, res), '/mcp');
    this.#ends.push(close);
    return serve({
      servers: { web: { type: 'streamable-http', url, ...server } },
      cache: false,
      breaker: { threshold: 1 },
      ...options,
    });
  }

  async end(): Promise<void> {
    for (const end of this.#ends) await end();
  }
}

let hand: ByHand;
beforeEach(() => (hand = new ByHand()));
afterEach(() => hand.end());

describe('a server that answers 429', () => {
  const limit = (retryAfter: string | undefined, times = Infinity): void => {
    hand.onCall = (res, id, number) => {
      if (number > times) sendJson(res, answer(id, text('1')));
      else res.writeHead(429, retryAfter === undefined ? {} : { 'Retry-After': retryAfter }).end();
    };
  };

  it('and Retry-After of up to two seconds is called again then, once', async () => {
    const { url } = await hand.serve();
    limit('1', 1);
    const start = performance.now();
    expect((await post(`${url}/web/write`)).status).toBe(200);
    expect(performance.now() - start).toBeGreaterThanOrEqual(990);
    expect(hand.calls).toHaveLength(2);
    limit('1');
    const twice = await post(`${url}/web/write`);
    expect([twice.status, codeOf(twice), twice.header('retry-after')]).toEqual([
      429,
      'MCPO_UPSTREAM_RATE_LIMITED',
      '1',
    ]);
    expect(hand.calls).toHaveLength(4);
  }, 15_000);

  it('is not waited for longer than the call may take, nor by a caller who leaves', async () => {
    const { url, mcpo } = await hand.serve({ timeoutMs: 500 });
    limit('1');
    const answered = await post(`${url}/web/write`);
    expect([answered.status, answered.header('retry-after')]).toEqual([429, '1']);
    expect(hand.calls).toHaveLength(1);
    const patient = await hand.serve();
    const caller = new AbortController();
    const left = patient.mcpo.callTool('web', 'write', {}, { signal: caller.signal });
    await until(() => hand.calls.length === 2);
    caller.abort();
    await expect(left).rejects.toMatchObject({ code: 'MCPO_CALLER_GONE' });
    expect(hand.calls).toHaveLength(2);
    expect(mcpo.stats.servers.web?.state).toBe('up');
  });

  it('and a longer Retry-After is sent no more calls with that credential until then', async () => {
    const { url, mcpo } = await hand.serve({ forwardHeaders: ['Authorization'] });
    limit('60');
    const as = (authorization?: string): Promise<Answer> =>
      post(`${url}/web/write`, authorization === undefined ? {} : { headers: { authorization } });
    for (let count = 0; count < 7; count += 1) {
      const refused = await as();
      expect(refused).toMatchObject({ status: 429, body: { code: 'MCPO_UPSTREAM_RATE_LIMITED', server: 'web' } });
      expect(refused.body).not.toHaveProperty('outcome');
      expect(refused.body).toMatchObject({ title: 'Rate limited by the MCP server' });
      expect(refused.header('retry-after')).toBe('60');
    }
    expect(hand.calls).toHaveLength(1);
    expect((await as('Bearer ann')).status).toBe(429);
    limit(undefined, 0);
    expect((await as('Bearer bob')).status).toBe(200);
    expect((await as('Bearer ann')).status).toBe(429);
    expect(hand.calls.map(({ credential }) => credential)).toEqual([undefined, 'Bearer ann', 'Bearer bob']);
    expect(mcpo.stats.servers.web?.state).toBe('up');
    expect(await mcpo.registry.metrics()).toContain('mcpo_breaker_state{server="web"} 0');

    const now = performance.now();
    const clock = jest.spyOn(performance, 'now').mockReturnValue(now + 58_500);
    const last = await as();
    clock.mockReturnValue(now + 60_001);
    expect([last.status, last.header('retry-after')]).toEqual([429, '2']);
    expect((await as()).status).toBe(200);
    clock.mockRestore();
  });

  it('to a handshake is not sent another until then', async () => {
    let handshakes = 0;
    const limited: typeof hand.listener = async (_req, res) => {
      handshakes += 1;
      res.writeHead(429, { 'Retry-After': '60' }).end();
    };
    Object.assign(hand, { listener: limited });
    const { url } = await hand.serve({ type: 'streamable-http' });
    for (let count = 0; count < 3; count += 1) {
      const refused = await post(`${url}/web/write`);
      expect([refused.status, refused.header('retry-after')]).toEqual([429, '60']);
    }
    expect(handshakes).toBe(1);
  });
});

describe('a server that answers 400 to a failed tool', () => {
  beforeEach(() => {
    hand.onCall = (res) => void res.writeHead(400).end();
  });

  it.each(['write', 'read'])('and to ping: %s runs once, and its outcome is unknown', async (tool) => {
    hand.onOther = (res) => void res.writeHead(400).end();
    const { url } = await hand.serve();
    expect(await post(`${url}/web/${tool}`)).toMatchObject({
      status: 502,
      body: { code: 'MCPO_BAD_RESPONSE', outcome: 'unknown' },
    });
    expect(hand.calls).toHaveLength(1);
  });

  it('and forgets the session with it: the tool runs twice at most, and its outcome is unknown', async () => {
    let isLost = false;
    hand.onCall = (res) => {
      isLost = true;
      res.writeHead(400).end();
    };
    // The session in which a tool has failed takes no ping, a new one does.
    hand.onOther = (res, id) => {
      if (isLost) res.writeHead(400).end();
      else sendJson(res, answer(id, {}));
      isLost = false;
    };
    const { url } = await hand.serve({}, { pool: { minConnections: 1 } });
    expect(await post(`${url}/web/write`)).toMatchObject({
      status: 502,
      body: { code: 'MCPO_BAD_RESPONSE', outcome: 'unknown' },
    });
    expect(hand.calls).toHaveLength(2);
  });
});

describe('a command that does not exist', () => {
  shortPauses();
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'mcpo-command-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('is told as a server that is down, until the command is back', async () => {
    const ledger = new Ledger();
    const command = path.join(folder, 'command');
    symlinkSync(process.execPath, command);
    const { url } = await serve({
      servers: { lab: { ...ledger.server, command }, other: new Switchable().server },
    });
    const call = (tool: string): Promise<Answer> => post(`${url}/lab/${tool}`);
    try {
      unlinkSync(command);
      const codes: unknown[] = [];
      while (codes.at(-1) !== 'MCPO_SERVER_DOWN' && codes.length < 40) codes.push(codeOf(await call('crash')));
      for (let count = 0; count < 8; count += 1) codes.push(codeOf(await call('crash')));
      // First the processes that are still there are killed, then no other can be started.
      const down = codes.filter((code) => code !== 'MCPO_CONNECTION_LOST');
      expect(new Set(down)).toEqual(new Set(['MCPO_SERVER_DOWN']));
      expectUnavailable(await call('read'));
      await expectAtOnce(
        () => call('read'),
        () => post(`${url}/other/write`),
      );
      symlinkSync(process.execPath, command);
      await until(async () => (await call('read')).status === 200);
    } finally {
      ledger.remove();
    }
  }, 15_000);
});

it('tools that fail, and arguments that are refused, open no breaker', async () => {
  const { lab, call } = await labs();
  for (let failure = 0; failure < 6; failure += 1) {
    expect(codeOf(await call('fail'))).toBe('MCPO_TOOL_ERROR');
  }
  lab.lab.remove('fail');
  for (let failure = 0; failure < 6; failure += 1) {
    expect(codeOf(await call('fail'))).toBe('MCPO_UNKNOWN_TOOL');
  }
  expect((await call('read')).status).toBe(200);
});
