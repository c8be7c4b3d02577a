import { until } from '../support/deferred';
import { text } from '../support/lab';
import { Started } from '../support/mcp-http';
import { type Answer, post } from '../support/post';
import { RpcServer, listOf } from '../support/rpc-server';
import { serving } from '../support/serve';

const serve = serving();
const started = new Started();
afterEach(() => started.end());

const schema = (type: string): object => ({ type: 'object', properties: { n: { type } }, required: ['n'] });

describe('an HTTP server that is redeployed under the same name and version with other tools', () => {
  it.each(['without sessions', 'with sessions'])('is known within seven seconds (%s)', async (kind) => {
    const server = new RpcServer();
    if (kind === 'with sessions') server.sessions = new Set();
    server.on = {
      'tools/list': () => listOf({ changed: schema('string'), old: schema('string') }),
      'tools/call': ({ name }) => text(`old ${String(name)}`),
    };
    const { url: upstream } = await started.listen(server.listener);
    const { url } = await serve({ servers: { x: { url: `${upstream}/mcp` } } });
    const call = (tool: string, n: unknown): Promise<Answer> => post(`${url}/x/${tool}`, { args: { n } });
    expect(await call('changed', 'text')).toMatchObject({ status: 200, body: 'old changed' });
    expect(await call('new', 1)).toMatchObject({ status: 404 });
    expect(server.count('tools/list')).toBeLessThanOrEqual(2);

    server.sessions?.clear();
    server.on = {
      'tools/list': () => listOf({ changed: schema('integer'), new: schema('integer') }),
      'tools/call': ({ name }) => text(`new ${String(name)}`),
    };
    const began = performance.now();
    await Promise.all([
      until(async () => (await call('new', 1)).status === 200, 7_000),
      until(async () => (await call('changed', 1)).status === 200, 7_000),
    ]);
    expect(performance.now() - began).toBeLessThan(7_000);
    expect(await call('changed', 'text')).toMatchObject({ status: 422 });
    expect(await call('old', 'text')).toMatchObject({ status: 404 });
    // Each new session reads it, and at most one in five seconds is read because of refused calls.
    expect(server.count('tools/list')).toBeLessThanOrEqual(2 + server.count('initialize'));
  });
});
