import type { McpoOptions, ServerOptions } from '../../../lib';
import { type RawAnswer, LightClient } from '../callers';
import { until } from '../deferred';
import { Forked } from '../forked';
import { children } from '../own-children';
import { Steady } from '../steady';
import { scripted } from '../stdio';
import type { Calls, Look, Order } from './app';
import { type Told, toldBy } from './told';

const CALLS_PER_SECOND = 25;
const MIB = 2 ** 20;
// What a run leaves in compiled code and caches of Node's own.
const MOST_LEFT = 16 * MIB;

/** One fault, what is done about it, and how the caller is to be answered. */
export interface FaultCase {
  readonly where: 'stdio' | 'streamable HTTP' | 'client';
  readonly name: string;
  readonly told: Told;
  /** The server that the fault is in, and how to end it. */
  readonly serve: () => Promise<{ readonly server: ServerOptions; readonly end: () => Promise<void> }>;
  /** Makes the call that meets the fault. */
  readonly call: (site: Site) => Promise<Told>;
  /** Whether the server with the fault is of no use to others meanwhile. */
  readonly takesServer: boolean;
  /** Whether it answers again afterwards. */
  readonly recovers: boolean;
  /** How many MiB more than ever before the app may take for it. */
  readonly mostMib: number;
  readonly options?: Partial<McpoOptions>;
  /** How long the host lets a request take to arrive. */
  readonly requestTimeoutMs?: number;
}

/** What has come of a case. */
export interface Finding {
  readonly told: Told;
  readonly tookMs: number;
  /** How many other calls were made meanwhile, those that failed, and the slowest. */
  readonly others: number;
  readonly disturbed: readonly RawAnswer[];
  readonly slowestMs: number;
  /** What there is afterwards and was not before. */
  readonly left: readonly string[];
}

/** An app with two servers, one of which has a fault. */
export class Site {
  readonly url: string;
  readonly app: Forked;
  readonly #client: LightClient;

  constructor(url: string, app: Forked, client: LightClient) {
    this.url = url;
    this.app = app;
    this.#client = client;
  }

  /** Calls a tool of the server with the fault. */
  call(tool: string, args: object = {}): Promise<RawAnswer> {
    return this.#client.post(`${this.url}/faulty/${tool}`, args);
  }

  /** The same, for what is compared. */
  async tell(tool: string, args: object = {}): Promise<Told> {
    return toldBy(await this.call(tool, args));
  }

  /** Waits until so many calls of a tool of the server with the fault, or more, have begun and not ended; or none. */
  async running(tool: string, count: number): Promise<void> {
    const calls = async (): Promise<Calls> => ask(this.app, { what: 'calls' });
    await until(async () => {
      const now = (await calls()).tools[`faulty/${tool}`] ?? 0;
      return count === 0 ? now === 0 : now >= count;
    });
  }
}

/** Runs cases in one app after the other, in a process that has nothing else to do. */
export class FaultRunner {
  readonly #app = new Forked('faults/app.ts');
  readonly #client = new LightClient();
  #before: Look | undefined;

  async start(): Promise<void> {
    await this.#app.next();
  }

  async end(): Promise<void> {
    this.#client.close();
    await this.#app.end();
  }

  /** Runs a case: one call meets the fault, while others go on to another server and, where they can, to the same. */
  async run(fault: FaultCase): Promise<Finding> {
    const { server, end } = await fault.serve();
    // What the last case has left, which is nothing, else that has failed.
    const before = (this.#before ??= await this.#ask<Look>({ what: 'look', gc: true }));
    try {
      const site = new Site(await this.#open(fault, server), this.#app, this.#client);
      const met = await this.#meet(site, fault);
      const pending = await this.#pending();
      return { ...met, left: [...pending, ...(await this.#left(before, fault, end))] };
    } finally {
      await this.#ask({ what: 'close' });
      await end();
    }
  }

  async #meet(site: Site, fault: FaultCase): Promise<Omit<Finding, 'left'>> {
    const others = this.#others(site, fault);
    const begun = performance.now();
    const work = fault.call(site).then((told) => ({ told, tookMs: performance.now() - begun }));
    const recovered = work.then(async () => {
      if (fault.recovers) await until(async () => (await site.call('echo', { text: 'again' })).body === '"again"');
    });
    await recovered.catch(() => undefined);
    const answers = await others.end();
    await recovered;
    return {
      ...(await work),
      others: answers.length,
      disturbed: answers.filter(({ status }) => status !== 200),
      slowestMs: Math.max(...answers.map(({ ms }) => ms)),
    };
  }

  /** What still goes on, when nothing should. */
  async #pending(): Promise<readonly string[]> {
    let pending: readonly string[] = [];
    const isQuiet = async (): Promise<boolean> => {
      const { tools, ...counts } = await this.#ask<Calls>({ what: 'calls' });
      pending = Object.entries({ ...counts, ...tools }).flatMap(([what, count]) =>
        count > 0 ? [`${count} ${what}`] : [],
      );
      return pending.length === 0;
    };
    await until(isQuiet, 3_000).catch(() => undefined);
    return pending;
  }

  #others(site: Site, { takesServer }: FaultCase): Steady<RawAnswer & { readonly ms: number }> {
    return new Steady(CALLS_PER_SECOND, async (number) => {
      const server = takesServer || number % 2 === 0 ? 'steady' : 'faulty';
      const begun = performance.now();
      const answer = await this.#client.post(`${site.url}/${server}/echo`, { text: String(number) });
      // An answer to another call would be a disturbance too.
      const status = answer.status === 200 && answer.body !== String(number) ? NaN : answer.status;
      return { ...answer, status, ms: performance.now() - begun };
    });
  }

  async #open({ options, requestTimeoutMs }: FaultCase, server: ServerOptions): Promise<string> {
    const { command, args } = scripted();
    const http = requestTimeoutMs !== undefined && {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: 50,
    };
    return this.#ask({
      what: 'open',
      options: {
        servers: { faulty: server, steady: { command, args, pool: { minConnections: 1 } } },
        access: { '*/echo': 'read' },
        cache: false,
        drainTimeoutMs: 100,
        ...options,
      },
      ...(http && { http }),
    });
  }

  /** Closes all, and tells what has not gone by then, or soon afterwards. */
  async #left(before: Look, { mostMib }: FaultCase, end: () => Promise<void>): Promise<readonly string[]> {
    await this.#ask({ what: 'close' });
    await end();
    let left: readonly string[] = [];
    const isClean = async (): Promise<boolean> => {
      const { resources } = await this.#ask<Look>({ what: 'look', gc: false });
      left = Object.entries(resources).flatMap(([kind, count]) => {
        const more = count - (before.resources[kind] ?? 0);
        return more > 0 ? [`${more} ${kind}`] : [];
      });
      return left.length === 0;
    };
    await until(isClean, 6_000).catch(() => undefined);
    let after = before;
    const isSmall = async (): Promise<boolean> => {
      after = await this.#ask<Look>({ what: 'look', gc: true });
      return after.held - before.held < MOST_LEFT;
    };
    await until(isSmall, 1_000).catch(() => undefined);
    this.#before = after;
    const [held, most] = [after.held - before.held, after.mostRss - before.mostRss];
    return [
      ...left,
      ...(await children('node', this.#app.pid)).map((pid) => `process ${pid}`),
      ...(held > MOST_LEFT ? [`${Math.round(held / MIB)} MiB`] : []),
      ...(most > mostMib * MIB ? [`at some time ${Math.round(most / MIB)} MiB more than ever`] : []),
      ...after.warnings,
    ];
  }

  async #ask<T>(order: Order): Promise<T> {
    return ask(this.#app, order);
  }
}

function ask<T>(app: Forked, order: Order): Promise<T> {
  return app.ask(JSON.stringify(order));
}
