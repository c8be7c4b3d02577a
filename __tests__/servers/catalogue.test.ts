import { text } from '../support/lab';
import { LogBook } from '../support/stdio';
import { Started } from '../support/mcp-http';
import { post } from '../support/post';
import { RpcServer, listOf } from '../support/rpc-server';
import { serving } from '../support/serve';

const serve = serving();
const started = new Started();
afterEach(() => started.end());

const ANY = { type: 'object' };

async function listening(server: RpcServer): Promise<{ readonly url: string }> {
  const { url } = await started.listen(server.listener);
  return { url: `${url}/mcp` };
}

describe('what a server announces of its tools', () => {
  it('is not needed: a server that announces none is asked all the same', async () => {
    const server = new RpcServer();
    server.capabilities = {};
    server.on = { 'tools/list': () => listOf({ echo: ANY }), 'tools/call': () => text('here') };
    const { url, mcpo } = await serve({ servers: { shy: await listening(server) } });
    expect(mcpo.stats.servers.shy).toMatchObject({ state: 'up', tools: 1 });
    expect(await post(`${url}/shy/echo`)).toMatchObject({ status: 200, body: 'here' });
  });

  it.each([{}, { tools: {} }])(
    'does not count where it does not know tools/list: none, healthy, and said once (%j)',
    async (capabilities) => {
      const server = new RpcServer();
      server.capabilities = capabilities;
      const logger = new LogBook();
      const { mcpo } = await serve({ servers: { none: await listening(server) }, logger });
      expect(mcpo.stats.servers.none).toMatchObject({ state: 'up', tools: 0 });
      expect(logger.infos.filter((line) => line.includes('has no tools'))).toEqual([
        'mcpo: server none: has no tools: it does not know tools/list',
      ]);
      expect(logger.warnings).toEqual([]);
    },
  );
});
