import path from 'node:path';
import type { McpoOptions } from '../lib';
import { LightClient, type RawAnswer } from './support/callers';
import { until } from './support/deferred';
import { toldBy } from './support/faults/told';
import { Forked } from './support/forked';
import { children, signalTo } from './support/own-children';
import { Steady } from './support/steady';
import { isRunning, scripted } from './support/stdio';

const CALLS_PER_SECOND = 60;
const CALL_MS = 400;
const DRAIN_MS = 8_000;

let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

/** An app with real servers over stdio, and all its children. */
interface App {
  readonly url: string;
  readonly app: Forked;
  readonly pids: readonly number[];
}

async function start(options: McpoOptions, connections: number): Promise<App> {
  const app = new Forked('sigterm-app.ts', [JSON.stringify(options)]);
  ends.push(() => app.end());
  const url = await app.next<string>();
  await until(async () => (await children('servers/', app.pid)).length === connections);
  const pids = await children('servers/', app.pid);
  ends.push(() => {
    for (const pid of pids) if (isRunning(pid)) signalTo(pid, 'SIGKILL');
  });
  return { url, app, pids };
}

const client = (): LightClient => {
  const made = new LightClient();
  ends.push(() => {
    made.close();
  });
  return made;
};

const [{ command, args }, stubborn] = [scripted(), scripted(['stubborn'])];
const paces = path.join(__dirname, 'support/servers/paces.js');

/** What became of one call, and when, on the clock of `performance.now()`. */
interface Call {
  readonly sentAt: number;
  readonly endedAt: number;
  readonly answer: RawAnswer | { readonly status: string; readonly body: string };
}

it('SIGTERM under load: what runs is answered, what is new is 503, and nothing is left but exit code 0', async () => {
  const pool = { minConnections: 2, maxConnections: 2 };
  const servers = {
    paces: { command: process.execPath, args: [paces], pool },
    stubborn: { command, args: stubborn.args, pool },
  };
  const { app, url, pids } = await start({ servers, drainTimeoutMs: DRAIN_MS }, 4);
  const caller = client();
  const load = new Steady<Call>(CALLS_PER_SECOND, async (number) => {
    const sentAt = performance.now();
    const [server, tool] = number % 2 === 0 ? ['paces', 'delay'] : ['stubborn', 'late'];
    const answer = await caller
      .post(`${url}/${server}/${tool}`, { ms: CALL_MS, text: 'late' })
      .catch((error: unknown) => ({ status: (error as NodeJS.ErrnoException).code ?? String(error), body: '' }));
    return { sentAt, endedAt: performance.now(), answer };
  });
  await new Promise((resolve) => setTimeout(resolve, 3 * CALL_MS));
  const toldAt = performance.now();
  expect(signalTo(app.pid, 'SIGTERM')).toBe(true);
  const code = await app.exited();
  const tookMs = performance.now() - toldAt;
  const calls = await load.end();

  const by = (status: number | string): readonly Call[] => calls.filter(({ answer }) => answer.status === status);
  const running = calls.filter(({ sentAt, endedAt }) => sentAt < toldAt - 100 && endedAt > toldAt);
  const refused = by(503);
  const late = calls.filter(({ answer }) => typeof answer.status === 'string');
  process.stdout.write(
    `SIGTERM: exit code ${code} after ${Math.round(tookMs)} ms; ${running.length} running calls answered, ` +
      `${refused.length} new ones 503, ${late.length} refused once nobody listened, ${by(200).length} of ${calls.length} 200\n`,
  );
  expect(code).toBe(0);
  expect(tookMs).toBeLessThan(DRAIN_MS);
  expect(pids.filter(isRunning)).toEqual([]);
  expect(running.length).toBeGreaterThan(0);
  expect(new Set(running.map(({ answer }) => answer.status))).toEqual(new Set([200]));
  expect(refused.length).toBeGreaterThan(0);
  for (const { answer } of refused) expect(toldBy(answer as RawAnswer)).toEqual({ status: 503, code: 'MCPO_CLOSING' });
  expect(by(200).length + refused.length + late.length).toBe(calls.length);
  // Nobody is turned away without an answer who came before others were told that the app is closing.
  const firstRefusal = Math.min(...refused.map(({ endedAt }) => endedAt));
  expect(late.filter(({ sentAt }) => sentAt < firstRefusal)).toEqual([]);
  for (const { answer } of late) expect(answer.status).toMatch(/^(?:ECONNREFUSED|ECONNRESET)$/);
}, 60_000);

it('SIGTERM while a call does not end: it is given up after drainTimeoutMs, and its caller is told', async () => {
  const servers = { one: { command, args, pool: { minConnections: 1 } } };
  const { app, url, pids } = await start({ servers, drainTimeoutMs: 500 }, 1);
  const caller = client();
  const hung = caller.post(`${url}/one/hang`);
  // It has arrived when a later one has been answered.
  expect((await caller.post(`${url}/one/echo`, { text: 'x' })).status).toBe(200);
  const toldAt = performance.now();
  signalTo(app.pid, 'SIGTERM');
  expect(toldBy(await hung)).toEqual({ status: 502, code: 'MCPO_CONNECTION_LOST', outcome: 'unknown' });
  expect(await app.exited()).toBe(0);
  const tookMs = performance.now() - toldAt;
  expect(tookMs).toBeGreaterThanOrEqual(490);
  // Node would keep the connection for 5 s, and wait for it.
  expect(tookMs).toBeLessThan(4_500);
  expect(pids.filter(isRunning)).toEqual([]);
}, 60_000);
