import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import * as fc from 'fast-check';
import { type McpoRouter, mcpoRouter } from '../lib';
import { until } from './support/deferred';
import { type Mounted, inPlainHttp } from './support/hosts';
import { Ledger, type LedgerLine } from './support/ledger';
import { silent } from './support/loggers';
import { post } from './support/post';
import { SEED } from './support/seed';
import { atScale } from './support/tier';

const RUNS = atScale(450, 12_000);
const BRIEF_TTL_MS = 15;
const MAX_CONNECTIONS = 3;
/** As of packages whose annotations are known to be wrong. */
const LIARS = ['@modelcontextprotocol/server-sequential-thinking', '@playwright/mcp'];
const KEYS = ['key-of-a', 'key-of-b', 'key-of-c'];

/** What a caller does. */
interface Step {
  readonly tool: 'read' | 'brief' | 'bump' | 'write';
  readonly principal: number;
  readonly subject: number;
  readonly startMs: number;
  readonly delayMs: number;
  readonly afterMs: number;
  readonly fail: boolean;
  readonly relist: boolean;
  /** Whether it has the very arguments of the other twins of its subject. */
  readonly twin: boolean;
  readonly leaveMs: number | undefined;
  readonly cacheControl: string | undefined;
}

/** What the caller saw. */
interface Seen extends Step {
  readonly op: string;
  readonly began: number;
  readonly ended: number;
  /** `undefined`: the caller left before the answer. */
  readonly status: number | undefined;
  readonly execution?: string;
  readonly version?: number;
  readonly cacheStatus?: string | undefined;
}

const isWrite = ({ tool }: Step): boolean => tool === 'write' || tool === 'bump';
const step = fc.record<Step>({
  tool: fc.constantFrom(...Array<'read'>(9).fill('read'), 'brief', 'brief', 'brief', 'bump', 'write', 'write'),
  principal: fc.constantFrom(0, 0, 0, 0, 1, 2),
  subject: fc.constantFrom(0, 0, 0, 1, 2),
  startMs: fc.nat(30),
  delayMs: fc.nat(5),
  afterMs: fc.nat(3),
  fail: fc.constantFrom(false, false, true),
  relist: fc.constantFrom(false, false, false, true),
  twin: fc.constantFrom(true, true, false),
  leaveMs: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(8) }),
  cacheControl: fc.constantFrom(...Array<undefined>(6).fill(undefined), 'no-cache', 'no-store', 'max-age=0'),
});
// Reads, and some writes, are known by their subject alone, so that equal ones meet; the last subject fails.
const likeItsSubject = (twin: Step): Step => ({
  ...twin,
  delayMs: 4 * twin.subject,
  afterMs: 0,
  fail: twin.subject === 2,
  relist: false,
});
/**
 * `calm` and `hasty` have one state for all of their processes, `pair` one in each of two; `liar` says of tools that write that
 * they read, or may run twice.
 */
type ServerName = 'calm' | 'hasty' | 'pair' | 'liar';
const IN_TURN: readonly ServerName[] = ['calm', 'pair', 'liar'];
const LIES: Readonly<Partial<Record<Step['tool'], string>>> = { write: 'sequentialthinking', bump: 'browser_wait_for' };

// Slow enough to reach every connection: each goes to the one with the fewest calls.
const FENCE: Step = {
  ...{ tool: 'write', principal: 0, subject: 0, startMs: 0, delayMs: 5, afterMs: 0, fail: false, relist: false },
  ...{ twin: false, leaveMs: undefined, cacheControl: undefined },
};
const steps = fc.array(
  step.map((any) => (isWrite(any) && !any.twin ? any : likeItsSubject({ ...any, twin: true }))),
  { minLength: 10, maxLength: 36 },
);

const liars = (): Ledger => new Ledger('ledger.js', ['lies', ...LIARS]);

describe('random callers of a real server', () => {
  // A write whose caller has left keeps its server's reads out of the cache for a while: such plans go to the other one.
  const ledgers: Readonly<Record<ServerName, Ledger>> = {
    ...{ calm: new Ledger(), hasty: new Ledger() },
    ...{ pair: new Ledger('ledger.js', ['own']), liar: liars() },
  };
  const agent = new Agent({ keepAlive: true });
  let mcpo: McpoRouter;
  let app: Mounted;
  beforeAll(async () => {
    mcpo = mcpoRouter({
      servers: {
        ...{ calm: ledgers.calm.server, hasty: ledgers.hasty.server },
        pair: { ...ledgers.pair.server, cache: true, pool: { minConnections: 2, maxConnections: 2 } },
        liar: { ...ledgers.liar.server, cache: true },
      },
      apiKey: KEYS,
      cache: { tools: { '*/brief': { ttlMs: BRIEF_TTL_MS } } },
      concurrency: { maxConcurrent: 4 },
      pool: { maxConnections: MAX_CONNECTIONS },
      logger: silent,
    });
    await mcpo.ready();
    app = await inPlainHttp.mount(mcpo);
  });
  afterAll(async () => {
    await app.close();
    await mcpo.close();
    agent.destroy();
    for (const ledger of Object.values(ledgers)) ledger.remove();
  });

  const pairs = new Set<string>();

  async function take(server: ServerName, step: Step, run: number, index: number): Promise<Seen> {
    const { tool, principal, subject, delayMs, afterMs, fail, relist, leaveMs, cacheControl } = step;
    await sleep(step.startMs);
    const op = `${String(run)}-${step.twin ? `${tool}-${String(subject)}` : String(index)}`;
    const body = JSON.stringify({ op, delayMs, afterMs, fail, relist });
    const began = performance.now();
    return new Promise((resolve) => {
      const left = (): void => {
        resolve({ ...step, op, began, ended: performance.now(), status: undefined });
      };
      const name = (server === 'liar' ? LIES[tool] : undefined) ?? tool;
      const req = request(`${app.url}/${server}/${name}`, {
        method: 'POST',
        agent,
        headers: {
          'content-type': 'application/json',
          'x-api-key': KEYS[principal],
          ...(cacheControl !== undefined && { 'cache-control': cacheControl }),
        },
      });
      req.on('error', left);
      req.on('response', (res) => {
        text(res).then((answer) => {
          const ended = performance.now();
          const parsed = JSON.parse(answer) as { detail?: string; execution?: string; version?: number };
          const { execution, version } =
            parsed.detail === undefined ? parsed : (JSON.parse(parsed.detail) as typeof parsed);
          const cacheStatus = res.headers['cache-status'] as string | undefined;
          resolve({ ...step, op, began, ended, status: res.statusCode, execution, version, cacheStatus } as Seen);
        }, left);
      });
      req.end(body);
      if (leaveMs !== undefined) setTimeout(() => req.destroy(), leaveMs);
    });
  }

  const none = (): Record<'calls' | 'hits' | 'collapsed' | 'left' | 'failed' | 'executions', number> => {
    return { calls: 0, hits: 0, collapsed: 0, left: 0, failed: 0, executions: 0 };
  };
  const counted = { calm: none(), hasty: none(), pair: none(), liar: none() };

  test(
    `are never answered wrongly (${String(RUNS)} runs, seed ${SEED})`,
    async () => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(steps, async (plan) => {
          run += 1;
          const current = run;
          const isHasty = plan.some((step) => isWrite(step) && step.leaveMs !== undefined);
          const server = isHasty ? 'hasty' : (IN_TURN[current % IN_TURN.length] ?? 'calm');
          const ledger = ledgers[server];
          ledger.clear();
          const seen = await Promise.all(plan.map((step, index) => take(server, step, current, index)));
          await until(isQuiet);
          // What was cancelled may still be on its way to the server or running there. Messages keep their order.
          const fences = Array.from({ length: MAX_CONNECTIONS }, (_, n) =>
            take(server, FENCE, current, plan.length + n),
          );
          await Promise.all(fences);
          await until(() => ledger.count('begin') === ledger.count('end'));
          check(server, seen, ledger.lines());
        }),
        { numRuns: RUNS, seed: SEED, endOnFailure: true },
      );
      process.stdout.write(`model: seed ${SEED}, ${String(RUNS)} runs, ${JSON.stringify(counted)}\n`);
      // A run in which nothing was cached, shared or left would prove nothing.
      for (const name of IN_TURN) {
        for (const count of Object.values(counted[name])) expect(count).toBeGreaterThan(RUNS / 100);
      }
      expect(counted.hasty.left).toBeGreaterThan(RUNS / 100);
      // The state of a pair is in two processes, and both were asked.
      expect(pairs.size).toBe(2);
    },
    (RUNS + 100) * 300,
  );

  /** No request is on its way any more, those included whose callers have left. */
  async function isQuiet(): Promise<boolean> {
    const idle = Object.values(agent.freeSockets).flat().length;
    const open = await new Promise<number>((resolve) => {
      app.server.getConnections((_error, count) => {
        resolve(count);
      });
    });
    return open === idle && mcpo.stats.running === 0;
  }

  function check(server: ServerName, seen: readonly Seen[], lines: readonly LedgerLine[]): void {
    expect([mcpo.limiter.current, mcpo.limiter.waiting]).toEqual([0, 0]);
    const answered = seen.filter((call) => call.status !== undefined);
    for (const call of answered) expect([200, 500]).toContain(call.status);
    for (const call of answered) expect(call.status === 500).toBe(call.fail);

    const counts = counted[server];
    counts.calls += seen.length;
    counts.left += seen.length - answered.length;
    counts.failed += answered.filter((call) => call.status === 500).length;
    counts.hits += answered.filter((call) => call.cacheStatus?.includes('hit')).length;
    counts.collapsed += answered.filter((call) => call.cacheStatus?.includes('collapsed')).length;
    counts.executions += lines.filter((line) => line.event === 'begin').length;

    noResultOfAnother(answered);
    asOfItsTime(answered, server === 'pair' ? processOf : () => '');
    noErrorKept(answered);
    noneKeptTooLong(answered);
    onceEach(
      seen.filter((call) => call.tool === 'write' || (server === 'liar' && isWrite(call))),
      lines,
    );
    if (server === 'pair') for (const call of answered) pairs.add(processOf(call));
  }
});

describe('a tool that writes, says that it may run twice, and is known not to', () => {
  const ledger = liars();
  afterAll(() => {
    ledger.remove();
  });

  it.each([
    ['runs once where its process dies', true, false],
    ['runs again where corrections are off', false, true],
  ])('%s', async (_what, corrections, runsAgain) => {
    ledger.clear();
    const mcpo = mcpoRouter({ servers: { liar: ledger.server }, corrections, logger: silent });
    await mcpo.ready();
    const app = await inPlainHttp.mount(mcpo);
    const answer = await post(`${app.url}/liar/browser_wait_for`, { args: { op: 'x', crash: true } });
    // How often within the time of the call depends on how fast a process starts.
    expect([answer.status, ledger.executions('x') > 1]).toEqual([502, runsAgain]);
    expect(ledger.executions('x')).toBeGreaterThan(0);
    await app.close();
    await mcpo.close();
  });
});

function noResultOfAnother(answered: readonly Seen[]): void {
  const owners = new Map<string, number>();
  for (const { execution = '', principal } of answered) {
    expect(execution).not.toBe('');
    expect(owners.get(execution) ?? principal).toBe(principal);
    owners.set(execution, principal);
  }
}

/** Each write that is answered has run once; one whose caller has left, at most once. */
function onceEach(writes: readonly Seen[], lines: readonly LedgerLine[]): void {
  for (const op of new Set(writes.map((write) => write.op))) {
    const calls = writes.filter((write) => write.op === op);
    const answered = calls.filter((write) => write.status !== undefined);
    const executions = lines.filter((line) => line.event === 'begin' && line.op === op).length;
    expect(executions).toBeGreaterThanOrEqual(answered.length);
    expect(executions).toBeLessThanOrEqual(calls.length);
    expect(new Set(answered.map((write) => write.execution)).size).toBe(answered.length);
  }
}

const processOf = ({ execution = '' }: Seen): string => execution.split('-')[0] ?? '';

/**
 * What a read is answered is what the tool could have answered while the read was running, whoever wrote: it sees each write that
 * ended before it began, and none that began after it ended. Writes count that have changed the same state.
 */
function asOfItsTime(answered: readonly Seen[], stateOf: (call: Seen) => string): void {
  const writes = answered.filter(isWrite);
  for (const read of answered.filter((call) => !isWrite(call))) {
    for (const write of writes.filter((each) => stateOf(each) === stateOf(read))) {
      if (write.ended < read.began) expect(read.version).toBeGreaterThanOrEqual(write.version ?? Infinity);
      if (write.began > read.ended) expect(read.version).toBeLessThan(write.version ?? -Infinity);
    }
  }
}

/** Only failures of calls that overlap may be one and the same. */
function noErrorKept(answered: readonly Seen[]): void {
  const failed = answered.filter((call) => call.status === 500);
  for (const one of failed) {
    for (const other of failed) {
      if (one.ended < other.began) expect(other.execution).not.toBe(one.execution);
    }
  }
}

function noneKeptTooLong(answered: readonly Seen[]): void {
  const brief = answered.filter((call) => call.tool === 'brief' && call.status === 200);
  for (const one of brief) {
    for (const other of brief) {
      if (other.began > one.ended + BRIEF_TTL_MS + 1) expect(other.execution).not.toBe(one.execution);
    }
  }
}
