import { until } from '../support/deferred';
import { Started } from '../support/mcp-http';
import { caller, post } from '../support/post';
import { RpcServer, says } from '../support/rpc-server';
import { serving } from '../support/serve';

const serve = serving();
const started = new Started();
afterEach(() => started.end());

const everything = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');

/** A server whose tool runs as a task only, which is over after so many polls. */
async function tasks(polls: number): Promise<{ readonly server: RpcServer; readonly url: string }> {
  const server = new RpcServer();
  const task = { taskId: 't1', status: 'working', pollInterval: 60, ttl: null, createdAt: '', lastUpdatedAt: '' };
  const left = { polls };
  server.on = {
    'tools/list': () => ({
      tools: [{ name: 'slow', inputSchema: { type: 'object' }, execution: { taskSupport: 'required' } }],
    }),
    'tools/call': (params) => (params.task ? { task } : says('called without a task')),
    'tasks/get': () => ({ ...task, status: --left.polls > 0 ? 'working' : 'completed' }),
    'tasks/result': () => says('done'),
    'tasks/cancel': () => ({ ...task, status: 'cancelled' }),
  };
  const { url } = await started.listen(server.listener);
  return { server, url: `${url}/mcp` };
}

describe('a tool that its server runs as a task only', () => {
  it('is called as a task by a real server', async () => {
    const { url } = await serve({
      servers: { x: { command: process.execPath, args: [everything, 'stdio'], pool: { maxConnections: 1 } } },
    });
    const answer = await post(`${url}/x/simulate-research-query`, { args: { topic: 'tea' } });
    expect(answer.status).toBe(200);
    expect(JSON.stringify(answer.body)).toContain('tea');
  }, 30_000);

  it('is polled until it has ended', async () => {
    const { server, url: upstream } = await tasks(3);
    const { url } = await serve({ servers: { x: { url: upstream } } });
    expect(await post(`${url}/x/slow`)).toMatchObject({ status: 200, body: 'done' });
    expect([server.count('tasks/get'), server.count('tasks/result'), server.count('tasks/cancel')]).toEqual([3, 1, 0]);
  });

  it('is cancelled when its caller leaves', async () => {
    const { server, url: upstream } = await tasks(Infinity);
    const { url } = await serve({ servers: { x: { url: upstream } } });
    const { leave } = caller(`${url}/x/slow`);
    await until(() => server.count('tasks/get') > 0);
    leave();
    await until(() => server.count('tasks/cancel') === 1);
  });

  it('is cancelled when its time is over: 504', async () => {
    const { server, url: upstream } = await tasks(Infinity);
    const { url } = await serve({ servers: { x: { url: upstream, timeoutMs: 200, maxTotalTimeoutMs: 400 } } });
    expect(await post(`${url}/x/slow`)).toMatchObject({ status: 504, body: { outcome: 'unknown' } });
    await until(() => server.count('tasks/cancel') === 1);
  });
});
