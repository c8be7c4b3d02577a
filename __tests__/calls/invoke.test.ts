import { mkdtempSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CustomServerOptions, McpoOptions, StdioServerOptions } from '../../lib/index';
import { until } from '../support/deferred';
import { Lab, text } from '../support/lab';
import { Ledger } from '../support/ledger';
import { type Answer, post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();

type Call = (tool: string, args?: object) => Promise<Answer>;

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

  it('is left alone after some calls, which then fail at once, until it is back', async () => {
    const { lab, call, elsewhere } = await labs();
    await lab.off();
    for (let failure = 0; failure < 3; failure += 1) {
      const answer = await call('write');
      expectUnavailable(answer);
      expect(codeOf(answer)).toBe('MCPO_SERVER_DOWN');
    }
    const refused = await call('write');
    expectUnavailable(refused);
    expect(codeOf(refused)).toBe('MCPO_BREAKER_OPEN');
    expect(refused.body).toMatchObject({ detail: 'server lab: not called after 3 connection failures in a row' });
    expect(Number(refused.header('retry-after'))).toBeGreaterThan(50);
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

  it('is tried again after breaker.cooldownMs too', async () => {
    const { lab, call } = await labs({ breaker: { threshold: 1, cooldownMs: 30 } });
    await lab.off();
    await until(async () => codeOf(await call('read')) === 'MCPO_BREAKER_OPEN');
    await until(async () => codeOf(await call('read')) === 'MCPO_SERVER_DOWN');
    lab.isOn = true;
    await until(async () => (await call('read')).status === 200);
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

describe('a command that does not exist', () => {
  shortPauses();
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'mcpo-command-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('opens the breaker of its server, which closes when the command is back', async () => {
    const ledger = new Ledger();
    const command = path.join(folder, 'command');
    symlinkSync(process.execPath, command);
    const { url } = await serve({
      servers: { lab: { ...ledger.server, command }, other: new Switchable().server },
      breaker: { threshold: 4, cooldownMs: 60_000 },
    });
    const call = (tool: string): Promise<Answer> => post(`${url}/lab/${tool}`);
    try {
      unlinkSync(command);
      const codes: unknown[] = [];
      while (codes.at(-1) !== 'MCPO_BREAKER_OPEN' && codes.length < 40) codes.push(codeOf(await call('crash')));
      // First the processes that are still there are killed, then no other can be started.
      const down = codes.filter((code) => code !== 'MCPO_CONNECTION_LOST');
      expect(codes.length).toBeGreaterThan(4);
      expect(new Set(down)).toEqual(new Set(['MCPO_SERVER_DOWN', 'MCPO_BREAKER_OPEN']));
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
    expect(codeOf(await call('fail'))).toBe('MCPO_INVALID_ARGUMENTS');
  }
  expect((await call('read')).status).toBe(200);
});
