import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ServerOptions } from '../../lib';
import { Telemetry } from '../../lib/telemetry/telemetry';
import { until } from '../support/deferred';
import { listen } from '../support/hosts';
import { Lab, text } from '../support/lab';
import { children } from '../support/own-children';
import { post } from '../support/post';
import { serving } from '../support/serve';

const WINDOW_MS = 3_000;
/** What is drawn of each bound of the backoff. */
const DRAWN = 0.999;
const FIRST_MS = 250;

const serve = serving();
const ends: (() => unknown)[] = [];
beforeEach(() => jest.spyOn(Math, 'random').mockReturnValue(DRAWN));
afterEach(async () => {
  jest.restoreAllMocks();
  for (const end of ends.splice(0)) await end();
});

/** A server that never comes up. */
interface Broken {
  readonly options: ServerOptions;
  /** How often it has been tried, where it can tell. */
  readonly attempts?: () => number;
}

function exitingCommand(): Broken {
  const folder = mkdtempSync(path.join(tmpdir(), 'mcpo-never-'));
  ends.push(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'starts');
  writeFileSync(file, '');
  const options = { command: 'sh', args: ['-c', 'echo started >> "$0"', file] };
  return { options, attempts: () => readFileSync(file, 'utf8').split('\n').length - 1 };
}

async function refusingUrl(): Promise<Broken> {
  const { url, close } = await listen(() => undefined, '/mcp');
  await close();
  return { options: { url } };
}

function rejectingConnect(): Broken {
  let attempts = 0;
  const connect = (): never => {
    attempts++;
    throw new Error('no transport today');
  };
  return { options: { connect }, attempts: () => attempts };
}

/** How long each of many calls takes to be refused, the middle one, in milliseconds: a call that waits for a try, as long as a backoff. */
async function refusalMs(url: string, calls = 150): Promise<number> {
  const took: number[] = [];
  while (took.length < calls) {
    const start = performance.now();
    const { status, body, header } = await post(url);
    took.push(performance.now() - start);
    expect([status, body]).toEqual([503, expect.objectContaining({ code: expect.stringMatching(/DOWN|BREAKER/) })]);
    expect(Number(header('retry-after'))).toBeGreaterThanOrEqual(1);
  }
  return took.sort((a, b) => a - b)[calls / 2] ?? NaN;
}

/** How much of one processor this process uses while nothing is asked of it, in percent. */
async function idlePercent(): Promise<number> {
  const before = process.cpuUsage();
  const start = performance.now();
  await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 10 / (performance.now() - start);
}

/** When connections have failed from now on, of one reason or any. */
function failures(only?: string): number[] {
  const failedAt: number[] = [];
  jest.spyOn(Telemetry.prototype, 'connectionFailed').mockImplementation((_server, reason) => {
    if (only === undefined || reason === only) failedAt.push(performance.now());
  });
  return failedAt;
}

/** Expects each failure to be a step of the backoff after the one before. */
function expectSteps(failedAt: readonly number[]): void {
  const gaps = failedAt.slice(1).map((at, index) => at - (failedAt[index] ?? NaN));
  gaps.forEach((gap, step) => expect(gap).toBeGreaterThanOrEqual(DRAWN * FIRST_MS * 2 ** step - 5));
}

describe.each([
  ['a command that exits at once', exitingCommand],
  ['a URL that refuses', refusingUrl],
  ['a transport that cannot be made', rejectingConnect],
])('%s', (what, make) => {
  it('is tried once for each step of the backoff, refused at once, and costs nothing meanwhile', async () => {
    const { options, attempts } = await make();
    const failedAt = failures();
    const lab = new Lab().tool('ok', () => text('fine'));
    const { url, mcpo } = await serve({ servers: { broken: options, lab: { connect: lab.connect } } });
    expect(failedAt).toHaveLength(1);

    const middleMs = await refusalMs(`${url}/broken/any`);
    expect((await post(`${url}/lab/ok`)).body).toBe('fine');
    const percent = await idlePercent();
    const tries = failedAt.length;
    process.stdout.write(
      `${what}: refused in ${middleMs.toFixed(1)} ms, ${tries} attempts, ${percent.toFixed(1)} % CPU\n`,
    );
    expectSteps(failedAt);
    expect(tries).toBeGreaterThanOrEqual(4);
    if (attempts) expect(attempts()).toBe(tries);
    expect(middleMs).toBeLessThan(DRAWN * FIRST_MS);
    expect(percent).toBeLessThan(5);
    expect(mcpo.stats.servers.broken?.state).toBe('down');
  });
});

describe('a server that is not there at first', () => {
  it.each([0, 1, 2])('is there when it has come, with a minimum of %i connections', async (minConnections) => {
    const lab = new Lab().tool('ok', () => text('fine'));
    let attempts = 0;
    const connect: typeof lab.connect = async (context) => {
      if (++attempts < 3) throw new Error('not yet');
      return lab.connect(context);
    };
    const { url } = await serve({ servers: { late: { connect } }, pool: { minConnections, maxConnections: 2 } });
    await until(async () => (await post(`${url}/late/ok`)).status === 200);
    expect((await post(`${url}/late/ok`)).body).toBe('fine');
  });
});

describe('a server that goes for good', () => {
  it('is waited for a moment; from then on callers are refused at once', async () => {
    const lab = new Lab().tool('ok', () => text('fine'));
    let isGone = false;
    const connect: typeof lab.connect = async (context) => {
      if (isGone) throw new Error('gone for good');
      return lab.connect(context);
    };
    const failedAt = failures('connect');
    const { url } = await serve({ servers: { gone: { connect } } });
    await Promise.all(Array.from({ length: 20 }, () => post(`${url}/gone/ok`)));
    isGone = true;
    for (const server of lab.servers) await server.close();

    const waiting = await Promise.all(Array.from({ length: 20 }, () => post(`${url}/gone/ok`)));
    expect(new Set(waiting.map(({ status }) => status))).toEqual(new Set([503]));
    const middleMs = await refusalMs(`${url}/gone/ok`);
    process.stdout.write(`gone for good: refused in ${middleMs.toFixed(1)} ms, ${failedAt.length} attempts\n`);
    expect(middleMs).toBeLessThan(DRAWN * FIRST_MS);
    expect(failedAt.length).toBeGreaterThanOrEqual(4);
    expectSteps(failedAt);
  });
});

describe('a server that accepts a connection and never answers', () => {
  it('over HTTP is given up after connectTimeoutMs, one try at a time', async () => {
    const open = new Set<IncomingMessage>();
    let most = 0;
    let requests = 0;
    const mute = await listen((req, res) => {
      requests++;
      open.add(req);
      most = Math.max(most, open.size);
      res.on('close', () => open.delete(req));
    }, '/mcp');
    ends.push(mute.close);
    const start = performance.now();
    const { url } = await serve({ servers: { mute: { url: mute.url } }, pool: { connectTimeoutMs: 300 } });
    const readyMs = performance.now() - start;
    expect(readyMs).toBeGreaterThanOrEqual(298);
    expect(readyMs).toBeLessThan(1_500);
    const middleMs = await refusalMs(`${url}/mute/any`);
    await until(() => requests >= 3);
    process.stdout.write(`mute: given up after ${Math.round(readyMs)} ms, refused in ${middleMs.toFixed(1)} ms\n`);
    expect(middleMs).toBeLessThan(DRAWN * FIRST_MS);
    expect(most).toBe(1);
    await until(() => open.size === 0);
  });

  it('on stdio is ended after connectTimeoutMs, one try at a time', async () => {
    const script = path.join(__dirname, '../support/servers/stdio-server.js');
    const mute = { command: process.execPath, args: [script, 'silent'] };
    const failedAt = failures();
    const { url, mcpo } = await serve({ servers: { mute }, pool: { connectTimeoutMs: 300 } });
    expect(await refusalMs(`${url}/mute/any`)).toBeLessThan(DRAWN * FIRST_MS);
    await until(() => failedAt.length >= 3);
    expectSteps(failedAt);
    await mcpo.close();
    expect(await children('stdio-server.js')).toEqual([]);
  });
});
