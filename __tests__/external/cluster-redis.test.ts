import { descendants, ExampleProcess, isRunning } from '../support/example-process';
import { until } from '../support/deferred';
import { Ledger } from '../support/ledger';
import { type Answer, post } from '../support/post';
import { freePort } from '../support/prometheus';
import { RedisServer } from '../support/redis-server';

const WORKERS = 3;
let redis: RedisServer;
let ledger: Ledger;
let app: ExampleProcess;
let url: string;
let metricsPort: number;

const servers = (): string =>
  JSON.stringify({ ledger: { ...ledger.server, pool: { minConnections: 1, maxConnections: 1 } } });

/** A call over a connection of its own, which the workers get in turn. */
const call = (tool: string, args: object): Promise<Answer> =>
  post(`${url}/ledger/${tool}`, { args, headers: { connection: 'close' } });

/** Equal or different calls, all at once. */
const calls = (count: number, tool: string, args: (number: number) => object): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, (_, number) => call(tool, args(number))));

const statuses = (answers: readonly Answer[]): readonly number[] => [...new Set(answers.map(({ status }) => status))];

/** The MCP servers, of which each worker has one, that have executed such calls. */
const executors = (prefix: string): ReadonlySet<string> =>
  new Set(ledger.lines().flatMap(({ op, execution }) => (op?.startsWith(prefix) ? [execution] : [])));

beforeAll(async () => {
  ledger = new Ledger('light-ledger.js');
  redis = await RedisServer.start();
  const [port, page] = [await freePort(), await freePort()];
  [url, metricsPort] = [`http://127.0.0.1:${port}/mcp`, page];
  app = new ExampleProcess('cluster.ts', {
    PORT: port,
    METRICS_PORT: page,
    WORKERS,
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    MCP_SERVERS: servers(),
  });
  await app.says('Metrics of all workers');
}, 60_000);
afterAll(async () => {
  await app.end();
  await redis.end();
  ledger.remove();
}, 30_000);

it('equal calls at the same time, over all workers, run the tool once', async () => {
  expect(statuses(await calls(30, 'write', (number) => ({ op: `spread ${number}`, delayMs: 0 })))).toEqual([200]);
  expect(executors('spread').size).toBe(WORKERS);
  const answers = await calls(30, 'read', () => ({ op: 'equal', delayMs: 500 }));
  expect(answers.map(({ status, body }) => [status, body])).toEqual(Array(30).fill([200, 'equal']));
  expect(ledger.executions('equal')).toBe(1);
});

it('the metrics of all workers are summed', async () => {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  expect(text).toContain('mcpo_tool_requests_total{server="ledger",tool="write",outcome="success"} 30\n');
  expect(text).toContain('mcpo_tool_requests_total{server="ledger",tool="read",outcome="success"} 30\n');
  expect(text).toContain(`mcpo_concurrency_limit ${WORKERS * 100}\n`);
  expect(text).toContain('mcpo_store_up{store="cache:default"} 1\n');
});

it('a worker that is killed loses no later call, and another takes its place', async () => {
  const [killed = 0] = app.numbersAfter('Worker');
  const tools = descendants(killed);
  expect(tools).toHaveLength(1);
  process.kill(killed, 'SIGKILL');
  await app.says(`Worker ${killed} has ended (SIGKILL)`);
  expect(statuses(await calls(20, 'write', (number) => ({ op: `without ${number}`, delayMs: 0 })))).toEqual([200]);
  expect(executors('without').size).toBe(WORKERS - 1);
  await app.says('listens', WORKERS + 1);
  expect(statuses(await calls(20, 'write', (number) => ({ op: `again ${number}`, delayMs: 0 })))).toEqual([200]);
  expect(executors('again').size).toBe(WORKERS);
  await until(() => !tools.some(isRunning));
}, 60_000);

it('at SIGTERM, calls end, and then everything that was started, with exit code 0', async () => {
  const started = descendants(app.pid);
  expect(started).toHaveLength(2 * WORKERS);
  const running = calls(WORKERS, 'write', (number) => ({ op: `last ${number}`, delayMs: 1_000 }));
  await until(() => executors('last').size === WORKERS);
  const ended = app.end('SIGTERM');
  expect(statuses(await running)).toEqual([200]);
  expect(await ended).toEqual([0, null]);
  expect(started.filter(isRunning)).toEqual([]);
});

it('an instance ends with exit code 0 also while Redis is away', async () => {
  const port = await freePort();
  const alone = new ExampleProcess('app.ts', {
    PORT: port,
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    MCP_SERVERS: servers(),
  });
  try {
    await alone.says('listens');
    const read = (op: string): Promise<Answer> =>
      post(`http://127.0.0.1:${port}/mcp/ledger/read`, { args: { op, delayMs: 0 } });
    expect((await read('with Redis')).status).toBe(200);
    await redis.kill();
    expect((await read('without Redis')).status).toBe(200);
    const started = descendants(alone.pid);
    expect(await alone.end('SIGTERM')).toEqual([0, null]);
    expect(started.filter(isRunning)).toEqual([]);
  } finally {
    await alone.end('SIGKILL');
  }
}, 60_000);
