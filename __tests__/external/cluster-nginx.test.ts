import { ExampleProcess, descendants, isRunning } from '../support/example-process';
import { until } from '../support/deferred';
import { Ledger } from '../support/ledger';
import { type Answer, post } from '../support/post';
import { freePort } from '../support/prometheus';

const INSTANCES = 3;
let app: ExampleProcess;
let ledger: Ledger;
let sessions: Ledger;
let url: string;
let instances: readonly string[];

beforeAll(async () => {
  [ledger, sessions] = [new Ledger('light-ledger.js'), new Ledger('light-ledger.js')];
  const ports: number[] = [];
  while (ports.length <= INSTANCES) ports.push(await freePort());
  const [nginx = '', ...others] = ports.map((port) => `http://127.0.0.1:${port}/mcp`);
  [url, instances] = [nginx, others];
  app = new ExampleProcess('behind-nginx.ts', {
    PORTS: ports.join(','),
    MCP_SERVERS: JSON.stringify({
      ledger: { ...ledger.server, pool: { minConnections: 1 } },
      sessions: { ...sessions.server, stateful: true, pool: { minConnections: 1 } },
    }),
  });
  await app.says('Tools: ');
}, 60_000);
afterAll(async () => {
  await app.end();
  ledger.remove();
  sessions.remove();
}, 30_000);

const write = (op: string, delayMs = 0): Promise<Answer> => post(`${url}/ledger/write`, { args: { op, delayMs } });

/** How many calls of a server each instance has answered, by its own metrics. */
function answered(server: string): Promise<readonly number[]> {
  return Promise.all(
    instances.map(async (instance) => {
      const text = await (await fetch(`${instance}/metrics`)).text();
      const line = new RegExp(`^mcpo_tool_requests_total{server="${server}",.*outcome="success"} (\\d+)$`, 'gm');
      return [...text.matchAll(line)].reduce((sum, [, count]) => sum + Number(count), 0);
    }),
  );
}

it('calls are spread over all instances', async () => {
  for (let number = 0; number < 30; number += 1) expect((await write(`spread ${number}`)).status).toBe(200);
  const counts = await answered('ledger');
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(30);
  expect(Math.min(...counts)).toBeGreaterThan(0);
});

it('equal calls at the same time, over all instances, run the tool once', async () => {
  const args = { op: 'equal', delayMs: 500 };
  const answers = await Promise.all(Array.from({ length: 30 }, () => post(`${url}/ledger/read`, { args })));
  expect(answers.map(({ status, body }) => [status, body])).toEqual(Array(30).fill([200, 'equal']));
  expect(ledger.executions('equal')).toBe(1);
});

it('all calls of a session reach the instance that has it', async () => {
  const names = Array.from({ length: 12 }, (_, number) => `session-${number}`);
  // Each time in another order, so that nginx, taking instances in turn, would find others.
  for (const order of [names, [...names].reverse(), [...names.slice(1), names[0] ?? '']]) {
    for (const name of order) {
      const args = { op: name, delayMs: 0 };
      const { status } = await post(`${url}/sessions/write`, { args, headers: { 'x-mcpo-session': name } });
      expect(status).toBe(200);
    }
  }
  for (const name of names) {
    const lines = sessions.lines().filter(({ event, op }) => event === 'begin' && op === name);
    expect(lines).toHaveLength(3);
    // A session has a process of its own, in one instance.
    expect(new Set(lines.map(({ execution }) => execution)).size).toBe(1);
  }
  expect((await answered('sessions')).filter((count) => count > 0).length).toBeGreaterThan(1);
});

it('events of the dashboard come through at once, while the stream goes on', async () => {
  const leave = new AbortController();
  const response = await fetch(`${url}/dashboard/events`, { signal: leave.signal });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const begun = performance.now();
  const eventsAt: number[] = [];
  while (eventsAt.length < 3) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    expect(done).toBe(false);
    text += value ?? '';
    while (text.split('\n\n').length - 1 > eventsAt.length) eventsAt.push(performance.now() - begun);
  }
  leave.abort();
  // One a second: what is buffered on the way would come together.
  expect((eventsAt[2] ?? 0) - (eventsAt[0] ?? 0)).toBeGreaterThan(1_000);
  expect(JSON.parse(text.split('\n\n')[0]?.replace('data: ', '') ?? '')).toHaveProperty('concurrency');
});

it('an instance that ends finishes its calls, and later ones go to the others', async () => {
  const running = Array.from({ length: 12 }, (_, number) => write(`running ${number}`, 1_000));
  await until(() => ledger.lines().filter(({ op }) => op?.startsWith('running')).length === running.length);
  const [pid = 0] = app.numbersAfter('Instance');
  process.kill(pid, 'SIGTERM');
  for (const { status } of await Promise.all(running)) expect(status).toBe(200);
  await until(() => !isRunning(pid));
  const later = await Promise.all(Array.from({ length: 30 }, (_, number) => write(`later ${number}`)));
  expect(new Set(later.map(({ status }) => status))).toEqual(new Set([200]));
});

it('at SIGTERM everything ends, with exit code 0', async () => {
  const started = descendants(app.pid);
  // Redis, nginx with its workers, two instances with their MCP servers.
  expect(started.length).toBeGreaterThanOrEqual(7);
  expect(await app.end('SIGTERM')).toEqual([0, null]);
  expect(started.filter(isRunning)).toEqual([]);
});
