import { Answer, type CallLayer, McpoError } from '../../lib/index';
import { until } from '../support/deferred';
import { GatedLab } from '../support/gated-lab';
import { Lab, text } from '../support/lab';
import { post } from '../support/post';
import { type Served, serving } from '../support/serve';

const serve = serving(undefined, { cache: true });
const READ = { annotations: { readOnlyHint: true } };

function lab(): Lab {
  return new Lab()
    .tool('read', ({ args }) => text(JSON.stringify(args)), READ)
    .tool('strict', ({ args }) => text(JSON.stringify(args)), {
      ...READ,
      inputSchema: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] },
    });
}

async function served(use: readonly CallLayer[], server = lab()): Promise<Served & { readonly server: Lab }> {
  return { server, ...(await serve({ servers: { lab: { connect: server.connect } }, use })) };
}

describe('a layer of `use`', () => {
  it('refuses a call, over HTTP and in code, before it is looked up', async () => {
    const refuse: CallLayer = async (call, next) => {
      if (call.principal !== 'ann') throw new McpoError('MCPO_UNAUTHORIZED', `${call.tool} is not for you`);
      return next(call);
    };
    const { mcpo, url, server } = await served([refuse]);
    expect(await post(`${url}/lab/read`, { args: {} })).toMatchObject({
      status: 401,
      body: { code: 'MCPO_UNAUTHORIZED', detail: 'read is not for you', tool: 'read' },
    });
    await expect(mcpo.callTool('lab', 'read', {}, { principal: 'bob' })).rejects.toMatchObject({ status: 401 });
    expect(await mcpo.callTool('lab', 'read', {}, { principal: 'ann' })).toEqual(text('{}'));
    await expect(mcpo.callTool('lab', 'read', {}, { principal: 'bob' })).rejects.toMatchObject({ status: 401 });
    expect(server.runs.get('read')).toBe(1);
  });

  it('changes arguments: the check and the key follow', async () => {
    const add: CallLayer = (call, next) => next(call.with({ arguments: { ...call.arguments, n: 1 } }));
    const { url, server } = await served([add]);
    const call = (args: object): ReturnType<typeof post> => post(`${url}/lab/strict`, { args });
    expect((await call({})).body).toEqual({ n: 1 });
    // Other arguments of the caller, the same of the call.
    const again = await call({ n: 7 });
    expect([again.body, again.header('cache-status'), server.runs.get('strict')]).toEqual([
      { n: 1 },
      expect.stringContaining('hit'),
      1,
    ]);
    const spoil: CallLayer = (made, next) => next(made.with({ arguments: { n: 'none' } }));
    const { url: spoilt } = await served([spoil]);
    expect(await post(`${spoilt}/lab/strict`, { args: { n: 1 } })).toMatchObject({
      status: 422,
      body: { code: 'MCPO_INVALID_ARGUMENTS' },
    });
  });

  it('changes the answer of its caller alone, also one from the cache', async () => {
    let n = 0;
    const count: CallLayer = async (call, next) => {
      const answer = await next(call);
      return Answer.of({ got: answer.json(), n: (n += 1) });
    };
    const { url, server } = await served([count]);
    expect((await post(`${url}/lab/read`, { args: { a: 1 } })).body).toEqual({ got: { a: 1 }, n: 1 });
    expect((await post(`${url}/lab/read`, { args: { a: 1 } })).body).toEqual({ got: { a: 1 }, n: 2 });
    expect(server.runs.get('read')).toBe(1);
  });

  it('runs once for each caller of a shared call, in the order of the option', async () => {
    const order: string[] = [];
    const note =
      (name: string): CallLayer =>
      async (call, next) => {
        order.push(`${name} in`);
        const answer = await next(call);
        order.push(`${name} out`);
        return answer;
      };
    const gated = new GatedLab().tool('read', { readOnlyHint: true });
    const { mcpo, url } = await served([note('a'), note('b')], gated.lab);
    const calls = [post(`${url}/lab/read`, { args: {} }), post(`${url}/lab/read`, { args: {} })];
    await until(() => order.length === 4 && gated.begun === 1);
    gated.openAll();
    await Promise.all(calls);
    expect([order.slice(0, 2), order.length, mcpo.stats.running]).toEqual([['a in', 'b in'], 8, 0]);
  });

  it('cannot write to a shared answer', async () => {
    const write: CallLayer = async (call, next) => {
      const answer = await next(call);
      expect(() => ((answer as { body: Buffer }).body = Buffer.from('0'))).toThrow(TypeError);
      return answer;
    };
    const { url } = await served([write]);
    expect((await post(`${url}/lab/read`, { args: {} })).body).toEqual({});
  });

  it('is told when its caller leaves, and cleans up', async () => {
    const ends: string[] = [];
    const watch: CallLayer = async (call, next) => {
      call.signal.addEventListener('abort', () => ends.push('aborted'));
      try {
        return await next(call);
      } finally {
        ends.push('finally');
      }
    };
    const gated = new GatedLab().tool('slow');
    const { mcpo } = await served([watch], gated.lab);
    const controller = new AbortController();
    const call = mcpo.callTool('lab', 'slow', {}, { signal: controller.signal });
    await until(() => gated.begun === 1);
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: 'MCPO_CALLER_GONE' });
    expect(ends).toEqual(['aborted', 'finally']);
    gated.openAll();
  });

  it.each([
    ['no array', {}],
    ['an item that is no function', [1]],
  ])('must not be %s', async (_what, use) => {
    await expect(served(use as never)).rejects.toThrow(/^use/);
  });
});
