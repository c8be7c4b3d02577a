import { LogBook } from '../support/stdio';
import { Started } from '../support/mcp-http';
import { until } from '../support/deferred';
import { post } from '../support/post';
import { McpError } from '@modelcontextprotocol/sdk/types.js';
import { RpcServer, listOf } from '../support/rpc-server';
import { Lab, text } from '../support/lab';
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

describe('what a server says of a tool that it lists', () => {
  const refused = (code: number, message: string, data?: unknown): (() => never) => {
    return () => {
      throw new McpError(code, message, data);
    };
  };

  it.each([
    ['an unknown method is no unknown tool', -32601, 'Method not found', 500, 'MCPO_SERVER_ERROR'],
    ['invalid arguments', -32602, 'n must be even', 422, 'MCPO_INVALID_ARGUMENTS'],
    ['an unknown tool, with the code of invalid arguments', -32602, 'Unknown tool: t', 404, 'MCPO_UNKNOWN_TOOL'],
    ['the same in other words', -32602, 'Tool t not found', 404, 'MCPO_UNKNOWN_TOOL'],
  ])('is told as it is: %s', async (_title, code, message, status, problem) => {
    const server = new RpcServer();
    server.on = { 'tools/list': () => listOf({ t: ANY }), 'tools/call': refused(code, message) };
    const { url } = await serve({ servers: { x: await listening(server) } });
    expect(await post(`${url}/x/t`)).toMatchObject({ status, body: { code: problem, detail: message } });
  });

  it.each([-32601, -32602])('is 404 if the tool has gone from its list (%d)', async (code) => {
    const server = new RpcServer();
    server.on = { 'tools/list': () => listOf({ t: ANY }), 'tools/call': refused(code, 'no') };
    const { url } = await serve({ servers: { x: await listening(server) } });
    server.on['tools/list'] = () => listOf({ other: ANY });
    await later(5_001, async () => {
      expect(await post(`${url}/x/t`)).toMatchObject({ status: 404, body: { code: 'MCPO_UNKNOWN_TOOL' } });
    });
    expect(server.count('tools/call')).toBe(1);
  });

  it('keeps the URL that the user has to visit first', async () => {
    const visit = { mode: 'url', elicitationId: '1', url: 'https://id.example.com/go?x=1', message: 'Sign in.' };
    const server = new RpcServer();
    const elicitations = [visit, { ...visit, url: 'javascript:alert(1)' }];
    server.on = { 'tools/list': () => listOf({ t: ANY }), 'tools/call': refused(-32042, 'Sign in.', { elicitations }) };
    const { url } = await serve({ servers: { x: await listening(server) } });
    expect(await post(`${url}/x/t`)).toMatchObject({
      status: 500,
      body: { code: 'MCPO_SERVER_ERROR', detail: 'Sign in. https://id.example.com/go?x=1' },
    });
  });
});

describe('how often a list is read', () => {
  it('many callers of what is not there wait for one reading, and the next comes five seconds later', async () => {
    const server = new RpcServer();
    server.on = { 'tools/list': () => listOf({ t: ANY }) };
    const { url } = await serve({ servers: { x: { ...(await listening(server)), pool: { maxConnections: 1 } } } });
    const before = server.count('tools/list');
    const ask = async (): Promise<void> => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => post(`${url}/x/nothing`)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
    };
    await ask();
    expect(server.count('tools/list')).toBe(before);
    await later(5_001, ask);
    expect(server.count('tools/list')).toBe(before + 1);
    await later(5_001, ask);
    expect(server.count('tools/list')).toBe(before + 1);
    await later(10_002, ask);
    expect(server.count('tools/list')).toBe(before + 2);
  });

  it('a server that cannot be asked just then is believed what it said before', async () => {
    const server = new RpcServer();
    server.on = { 'tools/list': () => listOf({ t: ANY }), 'tools/call': () => text('fine') };
    const { url } = await serve({ servers: { x: await listening(server) } });
    server.on['tools/list'] = () => {
      throw new McpError(-32603, 'not now');
    };
    await later(5_001, async () => expect((await post(`${url}/x/nothing`)).status).toBe(404));
    expect(await post(`${url}/x/t`)).toMatchObject({ status: 200, body: 'fine' });
  });

  it('a server that announces a change after each list is read with growing pauses', async () => {
    const lab = new Lab().tool('t', () => text('fine'));
    let lists = 0;
    const { mcpo } = await serve({
      servers: {
        eager: {
          connect: async (context) => {
            const transport = await lab.connect(context);
            const send = transport.send.bind(transport);
            transport.send = async (message, options) => {
              await send(message, options);
              if (!('method' in message) || message.method !== 'tools/list') return;
              lists += 1;
              setImmediate(() => void lab.announce());
            };
            return transport;
          },
          pool: { maxConnections: 1 },
        },
      },
    });
    await until(() => lists === 4); // at once, after one second and after two
    const fourth = performance.now();
    await until(() => lists === 5);
    expect(performance.now() - fourth).toBeGreaterThan(3_900);
    await mcpo.close();
  });
});

/** Does something when it is said to be so many milliseconds later. */
async function later(ms: number, work: () => Promise<void>): Promise<void> {
  const { performance } = globalThis;
  const now = performance.now.bind(performance);
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => now() + ms);
  try {
    await work();
  } finally {
    clock.mockRestore();
  }
}
