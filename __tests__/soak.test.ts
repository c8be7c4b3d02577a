import { LightClient } from './support/callers';
import { toldBy } from './support/faults/told';
import { Forked } from './support/forked';
import { until } from './support/deferred';
import { children } from './support/own-children';
import type { Report, Sample } from './support/soak/app';
import type { Outcome, Task } from './support/soak/load';
import { type Trend, grows, trendOf } from './support/soak/trend';
import { scripted } from './support/stdio';
import { atScale } from './support/tier';
import { Transpiled } from './support/transpiled';

const SECONDS = Number(process.env.SOAK_SECONDS ?? atScale(60, 300));
const WARM_UP_SECONDS = 10;
const SAMPLES = Math.min(60, Math.max(20, Math.round(SECONDS / 5)));
const MAX_CONCURRENT = 20;
const WORK_MS = 250;
/** What the limit lets through in a second, and twice that. */
const CAPACITY = (MAX_CONCURRENT * 1_000) / WORK_MS;
const MIB = 2 ** 20;

let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

describe('a trend', () => {
  const noise = (n: number): number => 100 + 10 * Math.sin(n * 7);
  const samples = (of: (n: number) => number): number[] => Array.from({ length: 20 }, (_, n) => of(n));
  const isGrowing = (of: (n: number) => number): boolean => grows(trendOf(samples(of)), 0.15, 6);

  it('is none where a measure goes up and down, was filled once, or has one outlier', () => {
    expect(isGrowing(noise)).toBe(false);
    expect(isGrowing((n) => Math.min(n, 3) * 30)).toBe(false);
    expect(isGrowing((n) => (n === 19 ? 1_000 : noise(n)))).toBe(false);
  });

  it('is seen where it grows all the time', () => {
    expect(isGrowing((n) => noise(n) + 4 * n)).toBe(true);
  });

  it('is seen where nothing was measured', () => {
    expect(grows(trendOf([]), 0.15, 6)).toBe(true);
  });
});

/** An app, and those who call it, each in a process of its own. */
interface Site {
  readonly app: Forked;
  readonly url: string;
  load(seconds: number): Promise<Outcome>;
  sample(): Promise<Sample>;
  report(): Promise<Report>;
}

async function start(): Promise<Site> {
  const code = new Transpiled();
  ends.push(() => {
    code.remove();
  });
  const fork = (script: string, args: readonly string[] = []): Forked => {
    const process = new Forked(code.script(script), args);
    ends.push(() => process.end());
    return process;
  };
  const caller = fork('soak/load.ts');
  const web = await caller.next<string>();
  const { command, args } = scripted();
  const pool = { minConnections: 1, maxConnections: 2, healthCheckIntervalMs: 1_000 };
  // What waits for a server that is down must not take the permits of all.
  const flaky = { timeoutMs: 1_000, pool, concurrency: { maxConcurrent: 5, maxQueue: 5 } };
  const options = {
    servers: {
      work: { command, args, pool },
      docs: { command, args, pool },
      flaky: { command, args, ...flaky },
      web: { type: 'streamable-http', url: web, ...flaky },
    },
    access: { 'docs/echo': 'read' },
    concurrency: { maxConcurrent: MAX_CONCURRENT, maxQueue: MAX_CONCURRENT, queueTimeoutMs: 5_000 },
  };
  const app = fork('soak/app.ts', [JSON.stringify(options)]);
  const url = await app.next<string>();
  return {
    app,
    url,
    load: (seconds) => {
      const task: Task = { url, seconds, perSecond: 2 * CAPACITY, workMs: WORK_MS };
      return caller.ask(JSON.stringify(task));
    },
    sample: () => app.ask('sample'),
    report: () => app.ask('report'),
  };
}

/** How it goes on with the load, at intervals. */
async function watch(site: Site, load: Promise<unknown>): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const begun = performance.now();
  while (samples.length < SAMPLES) {
    const next = begun + ((samples.length + 1) * SECONDS * 1_000) / (SAMPLES + 1);
    await Promise.race([load, new Promise((resolve) => setTimeout(resolve, next - performance.now()))]);
    samples.push(await site.sample());
  }
  return samples;
}

const show = ({ early, late }: Trend, unit = 1): string =>
  `${(early / unit).toFixed(1)} -> ${(late / unit).toFixed(1)}`;

function sum(answers: Outcome['answers'], of: RegExp): number {
  return Object.entries(answers).reduce((all, [line, count]) => all + (of.test(line) ? count : 0), 0);
}

it(
  `under twice the load that its limit lets through, with faults, for ${SECONDS} s: every call is answered, those that are rejected at once, and nothing grows`,
  async () => {
    const site = await start();
    await site.load(WARM_UP_SECONDS);
    const isQuiet = async (): Promise<boolean> => (await site.sample()).running === 0;
    await until(isQuiet, 30_000);
    const before = await site.sample();
    await site.report();

    const load = site.load(SECONDS);
    const samples = await watch(site, load);
    const { sent, answers, wrong } = await load;
    const report = await site.report();
    await until(isQuiet, 30_000);
    let after = await site.sample();
    const isBack = async (): Promise<boolean> => {
      after = await site.sample();
      return after.rss <= before.rss * 1.2;
    };
    await until(isBack, 20_000).catch(() => undefined);

    const held = trendOf(samples.map((sample) => sample.held));
    const handles = trendOf(samples.map((sample) => sample.handles));
    const [accepted, rejected] = [sum(answers, /^work: 200$/), sum(answers, /^work: 503/)];
    process.stdout.write(
      `soak of ${SECONDS} s: ${sent} requests, ${report.answered} answered, ${report.left} left before; ` +
        `work: ${accepted} accepted and answered, ${rejected} rejected; ` +
        `rejected within ${report.rejectedP99.toFixed(1)} ms (p99); ` +
        `event loop delay p99 ${report.loopDelayP99.toFixed(1)} ms (of its own ${report.ownDelayP99.toFixed(1)} ms), at most ${report.loopDelayMax.toFixed(0)} ms; ` +
        `RSS ${(before.rss / MIB).toFixed(1)} -> ${(after.rss / MIB).toFixed(1)} MiB, ` +
        `heap ${show(held, MIB)} MiB, handles ${show(handles)}\n`,
    );
    expect(wrong).toEqual([]);
    // All has been tried.
    for (const fault of ['die', 'hang', 'late', 'verbatim', 'big', 'reset', 'cut', 'fail', 'silent']) {
      expect(sum(answers, new RegExp(`/${fault}: (?!503 MCPO_QUEUE)`))).toBeGreaterThan(0);
    }
    expect(accepted).toBeGreaterThan(0.25 * CAPACITY * SECONDS);
    expect(rejected).toBeGreaterThan(0.2 * accepted);
    expect(report.answered + report.left).toBe(report.requests);
    expect(report.rejectedP99).toBeLessThan(50);
    expect(report.ownDelayP99).toBeLessThan(100);
    expect(report.warnings).toEqual([]);
    expect(after.rss).toBeLessThanOrEqual(before.rss * 1.2);
    expect(grows(held, 0.15, 6 * MIB)).toBe(false);
    expect(grows(handles, 0.25, 20)).toBe(false);
    expect(site.app.stderr).toBe('');
    // It answers still, and has no more processes than it may.
    const client = new LightClient();
    ends.push(() => {
      client.close();
    });
    expect(toldBy(await client.post(`${site.url}/work/echo`, { text: 'x' }))).toEqual({ status: 200 });
    expect((await children('stdio-server', site.app.pid)).length).toBeLessThanOrEqual(6);
  },
  (SECONDS + WARM_UP_SECONDS) * 2_000 + 120_000,
);
