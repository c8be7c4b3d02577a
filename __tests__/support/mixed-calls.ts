import { McpError } from '@modelcontextprotocol/sdk/types.js';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { McpoOptions, McpoRouter } from '../../lib';
import { until } from './deferred';
import { GatedLab } from './gated-lab';
import { Lab, text } from './lab';
import { answer, byHand, sendJson } from './mcp-http';
import { caller, post } from './post';

/** One request that has been sent, and what became of it as far as its sender knows. */
export interface Sent {
  /** `unknown` where the path named none, or its sender may not know. */
  readonly server: string;
  readonly tool: string;
  readonly outcome: string;
  /** What `Cache-Status` said; `undefined` where it said nothing. */
  readonly cache: string | undefined;
  /** What is kept when the answer is stored. */
  readonly key: string;
}

const READS = { annotations: { readOnlyHint: true } };
const READ = { tools: [{ name: 'read', inputSchema: { type: 'object' } }] };
const KEY = 'a-key-of-this-test';
const NUMBER = { type: 'object' as const, properties: { n: { type: 'number' } }, required: ['n'] };

/** Servers of which each does what counters count, and the ways to make them do it. */
export class MixedCalls {
  readonly sent: Sent[] = [];
  /** Connections that could not be made, or broke, by server and reason. */
  readonly failures = { 'shaky,connect': 0, 'frail,died': 0 };
  retries = 0;
  readonly #gates = new GatedLab().tool('narrow').tool('patient').tool('wait').tool('shared', { idempotentHint: true });
  readonly #tiny = new GatedLab().tool('one');
  readonly #lab = new Lab().tool('read', () => text('1'), READS);
  readonly #store = new Lab()
    .tool('write', () => text('1'))
    .tool('fail', () => ({ ...text('no'), isError: true }))
    .tool('strict', () => text('1'), { inputSchema: NUMBER })
    .tool('refuse', () => {
      throw new McpError(-32_000, 'no');
    });
  readonly #shaky = createServer((req, res) => {
    void byHand(({ method, id }) => sendJson(res, answer(id, method === 'tools/list' ? READ : text('1'))))(req, res);
  })
    .listen(0)
    .unref();
  readonly #frail: Lab = new Lab().tool(
    'flaky',
    async () => {
      if ((this.#frail.runs.get('flaky') ?? 0) % 2 === 0) return text('1');
      for (const server of [...this.#frail.servers]) {
        this.failures['frail,died'] += 1;
        await server.close();
      }
      return text('never seen');
    },
    { annotations: { idempotentHint: true } },
  );
  #isShakyOn = true;
  #next = 0;
  #url = '';
  #mcpo: McpoRouter | undefined;

  get options(): McpoOptions {
    const one = { minConnections: 1, maxConnections: 1 };
    const { port } = this.#shaky.address() as AddressInfo;
    return {
      apiKey: KEY,
      servers: {
        lab: { connect: this.#lab.connect },
        store: { connect: this.#store.connect },
        gates: this.#gates.server,
        tiny: { ...this.#tiny.server, pool: { ...one, maxInFlightPerConnection: 1, maxWaiting: 0 } },
        // Each of its calls is made twice.
        frail: { connect: this.#frail.connect, pool: one, retry: { budgetPercent: 100 } },
        shaky: { url: `http://127.0.0.1:${port}/mcp`, pool: { minConnections: 0 }, retry: false },
      },
      concurrency: {
        tools: {
          'gates/narrow': { maxConcurrent: 1, maxQueue: 0 },
          'gates/patient': { maxConcurrent: 1, maxQueue: 1, queueTimeoutMs: 20 },
        },
      },
      breaker: { threshold: 3, cooldownMs: 3_600_000 },
      monitor: { alerts: false },
      bodyLimit: 1_000,
    };
  }

  /** Where they are served. */
  at(url: string, mcpo: McpoRouter): this {
    this.#url = url;
    this.#mcpo = mcpo;
    return this;
  }

  readonly headers = { authorization: `Bearer ${KEY}` };

  /** What one round may be; each takes how many requests it is to send, roughly. */
  readonly rounds: Readonly<Record<string, (count: number) => Promise<void>>> = {
    hits: async (count) => {
      const args = { n: ++this.#next };
      await this.#call('lab/read', { args }, 'success');
      await this.#all(count - 1, () => this.#call('lab/read', { args }, 'success'));
    },
    misses: (count) => this.#all(count, () => this.#call('lab/read', { args: { n: ++this.#next } }, 'success')),
    bypasses: (count) =>
      this.#all(count, (index) => {
        const headers = { 'cache-control': index % 2 ? 'no-cache' : 'no-store' };
        return this.#call('lab/read', { args: { n: index }, headers }, 'success');
      }),
    writes: (count) => this.#all(count, () => this.#call('store/write', {}, 'success')),
    failures: (count) => this.#all(count, () => this.#call('store/fail', {}, 'tool_error')),
    refusals: (count) => this.#all(count, () => this.#call('store/refuse', {}, 'server_error')),
    misfits: (count) => this.#all(count, () => this.#call('store/strict', {}, 'invalid_arguments')),
    masses: (count) =>
      this.#all(count, () => this.#call('lab/read', { args: { x: 'x'.repeat(1_000) } }, 'body_too_large')),
    strangers: (count) =>
      this.#all(count, async (index) => {
        const [path, outcome] = index % 2 ? ['lab/none', 'unknown_tool'] : ['none/read', 'unknown_server'];
        await this.#call(path, {}, outcome, ['unknown', 'unknown']);
      }),
    burglars: (count) =>
      this.#all(count, () =>
        this.#call('lab/read', { headers: { authorization: 'Bearer wrong' } }, 'unauthorized', ['unknown', 'unknown']),
      ),
    shared: async (count) => {
      const args = { n: ++this.#next };
      const opened = this.#all(count, () => this.#call('gates/shared', { args }, 'success'));
      await until(() => this.#mcpo?.stats.running === count);
      this.#gates.open(this.#gates.begun);
      await opened;
    },
    full: (count) => this.#behind(this.#gates, 'gates/narrow', count, 'queue_full'),
    impatient: () => this.#behind(this.#gates, 'gates/patient', 2, 'queue_timeout'),
    exhausted: (count) => this.#behind(this.#tiny, 'tiny/one', count, 'pool_exhausted'),
    leavers: async () => {
      const { begun } = this.#gates;
      const { leave, answer } = caller(`${this.#url}/gates/wait`, { headers: this.headers });
      await until(() => this.#gates.begun > begun);
      leave();
      await answer;
      await until(() => this.#mcpo?.stats.running === 0);
      // It never had an answer to read it from.
      this.#note('gates/wait', 'caller_gone', 'express-mcpo; fwd=bypass');
    },
    retried: async () => {
      await this.#call('frail/flaky', {}, 'success');
      this.retries += 1;
    },
    broken: async (count) => {
      if (this.#isShakyOn) {
        await this.#call('shaky/read', {}, 'success');
        this.#isShakyOn = false;
        this.#shaky.close();
        this.#shaky.closeAllConnections();
        for (let tries = 0; tries < 3; tries++) await this.#call('shaky/read', {}, 'server_down');
        this.failures['shaky,connect'] = this.#mcpo?.stats.servers.shaky?.errors ?? NaN;
      }
      await this.#all(count, () => this.#call('shaky/read', {}, 'breaker_open'));
    },
  };

  /** Begins to close the router while a call runs, so that another one is refused; `look` is done in the middle of it. */
  async closing(look: () => Promise<void>): Promise<void> {
    const { begun } = this.#gates;
    const last = this.#call('gates/wait', {}, 'success');
    await until(() => this.#gates.begun > begun);
    const closed = this.#mcpo?.close();
    await this.#call('lab/read', {}, 'closing', ['unknown', 'unknown']);
    await look();
    this.#gates.openAll();
    await last;
    await closed;
  }

  async #behind(gated: GatedLab, path: string, count: number, outcome: string): Promise<void> {
    const { begun } = gated;
    const first = this.#call(path, {}, 'success');
    await until(() => gated.begun > begun);
    await this.#all(count - 1, () => this.#call(path, {}, outcome));
    gated.open(gated.begun);
    await first;
  }

  async #all(count: number, one: (index: number) => Promise<void>): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, index) => one(index)));
  }

  async #call(
    path: string,
    how: Parameters<typeof post>[1],
    outcome: string,
    labels?: [string, string],
  ): Promise<void> {
    const answer = await post(`${this.#url}/${path}`, { ...how, headers: { ...this.headers, ...how?.headers } });
    const { code = 'MCPO_SUCCESS' } = (answer.status === 200 ? {} : answer.body) as { code?: string };
    const actual = code.replace('MCPO_', '').toLowerCase();
    if (actual !== outcome) throw new Error(`${path} ended with ${actual} instead of ${outcome}`);
    this.#note(path, outcome, answer.header('cache-status') ?? undefined, labels, JSON.stringify(how?.args));
  }

  #note(path: string, outcome: string, cache: string | undefined, labels?: [string, string], args = ''): void {
    const [server = '', tool = ''] = labels ?? path.split('/');
    this.sent.push({ server, tool, outcome, cache, key: path + args });
  }
}
