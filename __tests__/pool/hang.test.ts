import path from 'node:path';
import { until } from '../support/deferred';
import { Ledger } from '../support/ledger';
import { children, signalTo } from '../support/own-children';
import { type Answer, post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();
const stopped: number[] = [];
let ledger: Ledger;
beforeEach(() => (ledger = new Ledger('light-ledger.js')));
afterEach(() => {
  for (const pid of stopped.splice(0)) signalTo(pid, 'SIGCONT');
  ledger.remove();
});

const ownChildren = (): Promise<readonly number[]> => children('light-ledger.js');

describe('a server that hangs after it has come up', () => {
  it('keeps each call for timeoutMs; a ping finds it, and later calls go to another process', async () => {
    // Long enough for all calls to be under way before the ping: what comes after it goes to another process.
    const pool = { minConnections: 1, maxConnections: 1, healthCheckIntervalMs: 2_000, pingTimeoutMs: 200 };
    const { url } = await serve({ servers: { ledger: { ...ledger.server, timeoutMs: 500, pool } } });
    const call = (tool: string, op: string): Promise<Answer> => post(`${url}/ledger/${tool}`, { args: { op } });
    expect((await call('write', 'before')).status).toBe(200);
    const [pid = NaN] = await ownChildren();
    stopped.push(pid);
    signalTo(pid, 'SIGSTOP');

    const start = performance.now();
    const hung = await Promise.all(Array.from({ length: 10 }, (_, n) => call(n % 2 ? 'write' : 'read', `hung ${n}`)));
    const tookMs = performance.now() - start;
    for (const { status, body } of hung) {
      expect([status, body]).toEqual([504, expect.objectContaining({ outcome: 'unknown' })]);
    }
    expect(tookMs).toBeGreaterThanOrEqual(498);
    // Together, not one after the other.
    expect(tookMs).toBeLessThan(10 * 500);

    let tries = 0;
    await until(async () => (await call('write', `after ${tries++}`)).status === 200);
    process.stdout.write(
      `hung: told after ${Math.round(tookMs)} ms, back after ${Math.round(performance.now() - start)} ms\n`,
    );
    expect(ledger.executions(`after ${tries - 1}`)).toBe(1);
    expect((await call('read', 'later')).status).toBe(200);
    await until(async () => !(await ownChildren()).includes(pid));
  });

  it('does not hold up the calls that other processes can take', async () => {
    const pool = { minConnections: 2, maxConnections: 2, healthCheckIntervalMs: 300, pingTimeoutMs: 200 };
    const { url, mcpo } = await serve({ servers: { ledger: { ...ledger.server, timeoutMs: 1_500, pool } } });
    await until(() => mcpo.stats.servers.ledger?.connections === 2);
    const [pid = NaN] = await ownChildren();
    stopped.push(pid);
    signalTo(pid, 'SIGSTOP');
    const calls = Array.from({ length: 20 }, (_, n) => post(`${url}/ledger/write`, { args: { op: `${n}` } }));
    await until(async () => !(await ownChildren()).includes(pid));
    const answers = await Promise.all(calls);
    const lost = answers.filter(({ status }) => status !== 200);
    for (const { status } of lost) expect([502, 504]).toContain(status);
    expect(lost.length).toBeLessThanOrEqual(10);
    const later = await Promise.all(
      Array.from({ length: 20 }, () => post(`${url}/ledger/read`, { args: { op: 'x' } })),
    );
    expect(new Set(later.map(({ status }) => status))).toEqual(new Set([200]));
  });
});

describe('one of two processes that hangs', () => {
  it('lets calls wait in vain once, not one after the other: they go to the other process', async () => {
    const pool = { minConnections: 2, maxConnections: 2, growAfterMs: 60_000 };
    const { url, mcpo } = await serve({ servers: { ledger: { ...ledger.server, timeoutMs: 500, pool } } });
    await until(() => mcpo.stats.servers.ledger?.connections === 2);
    const [pid = NaN] = await ownChildren();
    stopped.push(pid);
    signalTo(pid, 'SIGSTOP');
    const statuses: number[] = [];
    for (let n = 0; n < 20; n++) statuses.push((await post(`${url}/ledger/read`, { args: { op: `${n}` } })).status);
    expect(statuses.filter((status) => status !== 200).length).toBeLessThanOrEqual(1);
    await until(async () => !(await ownChildren()).includes(pid));
  });
});

describe('a server that answers pings with an error', () => {
  it.each(['pingless', 'good'])('keeps its process, and what that knows (%s)', async (mode) => {
    const script = path.join(__dirname, '../support/servers/stdio-server.js');
    const pool = { minConnections: 1, maxConnections: 1, healthCheckIntervalMs: 50 };
    const { url, mcpo } = await serve({ servers: { x: { command: process.execPath, args: [script, mode], pool } } });
    const pid = (await post(`${url}/x/pid`)).body;
    const { lastCheck } = mcpo.stats.servers.x ?? {};
    for (let checks = 0, last = lastCheck; checks < 4; checks++) {
      await until(() => mcpo.stats.servers.x?.lastCheck !== last);
      last = mcpo.stats.servers.x?.lastCheck;
    }
    expect((await post(`${url}/x/pid`)).body).toBe(pid);
    expect(mcpo.stats.servers.x).toMatchObject({ errors: 0, connections: 1 });
  });
});

describe('a server that no longer listens to its standard input', () => {
  it('runs nothing more: all but the call that finds it out are answered by another process', async () => {
    const script = path.join(__dirname, '../support/servers/stdio-server.js');
    const { url, mcpo } = await serve({
      servers: { deaf: { command: process.execPath, args: [script], pool: { maxConnections: 10 } } },
    });
    await until(() => mcpo.stats.servers.deaf?.connections === 2);
    expect((await post(`${url}/deaf/deafen`)).status).toBe(200);
    const first = post(`${url}/deaf/pid`);
    const others = await Promise.all(Array.from({ length: 100 }, () => post(`${url}/deaf/pid`)));
    const statuses = others.map(({ status }) => status);
    expect((await first).status).toBe(502);
    // What was written before it was known may be in doubt; nothing is sent to it, and refused, after that.
    expect(statuses.filter((status) => status !== 200 && status !== 502)).toEqual([]);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(50);
  });
});
