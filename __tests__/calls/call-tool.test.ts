import { type ExactJson, JsonNumber, type McpoError, type ToolResult, mcpoRouter } from '../../lib/index';
import { RpcServer, listOf } from '../support/rpc-server';
import { listen } from '../support/hosts';
import { deferred, until } from '../support/deferred';
import { GatedLab } from '../support/gated-lab';
import { Lab, text } from '../support/lab';
import { silent } from '../support/loggers';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving(undefined, { cache: true });
const READ = { annotations: { readOnlyHint: true } };
const raw = { accept: 'application/vnd.mcp+json' };

const failure = async (work: Promise<unknown>): Promise<McpoError> => {
  const end = await work.then(
    () => new Error('it did not reject'),
    (error: unknown) => error,
  );
  expect(end).toMatchObject({ name: 'McpoError' });
  return end as McpoError;
};

describe('callTool', () => {
  it('resolves with the result of the tool, whole', async () => {
    const lab = new Lab().tool('both', () => ({ ...text('1'), structuredContent: { a: 1 }, _meta: { b: 2 } }));
    const { mcpo } = await serve({ servers: { lab: { connect: lab.connect } } });
    expect(await mcpo.callTool('lab', 'both')).toMatchObject({
      content: [{ type: 'text', text: '1' }],
      structuredContent: { a: 1 },
      _meta: { b: 2 },
    });
  });

  it.each<[string, ExactJson]>([
    ['[1,"a",null]', [1, 'a', null]],
    ['null', null],
    ['"text"', 'text'],
    ['9007199254740993', 9007199254740993n],
    ['{"a":[0.12345678901234567890]}', { a: [new JsonNumber('0.12345678901234567890')] }],
  ])('has a type that is true of any JSON: structured content %s, without content', async (json, value) => {
    const server = new RpcServer();
    server.on = { 'tools/list': () => listOf({ any: { type: 'object' } }) };
    const { url, close } = await listen((req, res) => {
      const end = res.end.bind(res);
      // JSON.stringify of the scripted server cannot write such numbers.
      res.end = ((body?: string) => end(body?.replace('"HERE"', json))) as typeof res.end;
      void server.listener(req, res);
    });
    server.on['tools/call'] = () => ({ structuredContent: 'HERE' });
    const { mcpo } = await serve({ servers: { lab: { url: `${url}/mcp` } } });
    const result: ToolResult = await mcpo.callTool('lab', 'any');
    const structured: ExactJson | undefined = result.structuredContent;
    expect([structured, result.content]).toEqual([value, []]);
    // @ts-expect-error -- it may be no object
    expect(() => structured.anything as unknown).toBeDefined();
    await close();
  });

  it('answers a read the second time from the cache, also one that came over HTTP, and runs a write each time', async () => {
    const lab = new Lab().tool('read', () => text('1'), READ).tool('write', () => text('1'));
    const { mcpo, url } = await serve({ servers: { lab: { connect: lab.connect } } });
    for (let n = 0; n < 2; n += 1) {
      expect(await mcpo.callTool('lab', 'read', { a: 1 })).toEqual(text('1'));
      expect(await mcpo.callTool('lab', 'write', { a: 1 })).toEqual(text('1'));
    }
    // Each write has dropped what was read before it.
    expect(lab.runs.get('write')).toBe(2);
    const runs = lab.runs.get('read') ?? 0;
    await mcpo.callTool('lab', 'read', { b: 2 });
    await mcpo.callTool('lab', 'read', { b: 2 });
    expect((await post(`${url}/lab/read`, { args: { b: 2 }, headers: raw })).header('cache-status')).toContain('hit');
    expect(lab.runs.get('read')).toBe(runs + 1);
    expect(mcpo.cache.default.stats.hits).toBe(2);
  });

  it('heeds cacheControl, and gives an answer that nobody else can change', async () => {
    let n = 0;
    const lab = new Lab().tool('read', () => text(String((n += 1))), READ);
    const { mcpo } = await serve({ servers: { lab: { connect: lab.connect } } });
    const first = await mcpo.callTool('lab', 'read');
    Object.assign(first.content[0] ?? {}, { text: 'changed' });
    expect(await mcpo.callTool('lab', 'read')).toEqual(text('1'));
    expect(await mcpo.callTool('lab', 'read', {}, { cacheControl: 'no-cache' })).toEqual(text('2'));
  });

  it('joins equal calls in flight, over HTTP too, and tells all who wait of its progress', async () => {
    const gate = deferred();
    const lab = new Lab().tool(
      'read',
      async ({ progress }) => {
        await gate.promise;
        await progress(0.5);
        return text('1');
      },
      READ,
    );
    const { mcpo, url } = await serve({ servers: { lab: { connect: lab.connect } } });
    const seen: string[] = [];
    const call = (name: string): Promise<unknown> =>
      mcpo.callTool('lab', 'read', {}, { onProgress: ({ progress }) => seen.push(`${name} ${progress}`) });
    const calls = [call('a'), call('b'), post(`${url}/lab/read`, { args: {}, headers: raw })];
    await until(() => mcpo.stats.running === 3 && lab.runs.get('read') === 1);
    gate.resolve();
    const [a, b, http] = await Promise.all(calls);
    expect([a, b, (http as { body: unknown }).body]).toEqual([text('1'), text('1'), text('1')]);
    expect([seen.sort(), lab.runs.get('read')]).toEqual([['a 0.5', 'b 0.5'], 1]);
  });

  it('rejects with MCPO_QUEUE_FULL where the limit is full', async () => {
    const lab = new GatedLab().tool('slow');
    const { mcpo } = await serve({ servers: { lab: lab.server }, concurrency: { maxConcurrent: 1, maxQueue: 0 } });
    const first = mcpo.callTool('lab', 'slow');
    await until(() => lab.begun === 1);
    expect(await failure(mcpo.callTool('lab', 'slow'))).toMatchObject({ code: 'MCPO_QUEUE_FULL', status: 503 });
    lab.openAll();
    expect(await first).toEqual(text('1'));
  });

  it('tells the tool of an aborted signal, and does not run it for one that is aborted already', async () => {
    const heard = deferred();
    const begun = deferred();
    const lab = new Lab().tool('slow', async ({ signal }) => {
      begun.resolve();
      signal.addEventListener('abort', () => heard.resolve());
      await heard.promise;
      return text('too late');
    });
    const { mcpo } = await serve({ servers: { lab: { connect: lab.connect } } });
    const controller = new AbortController();
    const call = mcpo.callTool('lab', 'slow', {}, { signal: controller.signal });
    await begun.promise;
    controller.abort(new Error('enough'));
    expect(await failure(call)).toMatchObject({ code: 'MCPO_CALLER_GONE' });
    await heard.promise;
    const before = lab.runs.get('slow');
    expect(await failure(mcpo.callTool('lab', 'slow', {}, { signal: controller.signal }))).toMatchObject({
      code: 'MCPO_CALLER_GONE',
    });
    expect([lab.runs.get('slow'), mcpo.stats.running]).toEqual([before, 0]);
  });

  it('keeps principals apart, and gives a server the headers that it may have', async () => {
    const lab = new Lab().tool('who', ({ headers }) => text(JSON.stringify(headers)), READ);
    const servers = { lab: { connect: lab.connect, forwardHeaders: ['x-user'] } };
    const { mcpo } = await serve({ servers });
    const who = async (principal: string, user: string): Promise<unknown> =>
      mcpo.callTool('lab', 'who', {}, { principal, headers: { 'X-User': user, 'X-Other': '1' } });
    expect(await who('a', 'ann')).toEqual(text('{"x-user":"ann"}'));
    expect(await who('b', 'bob')).toEqual(text('{"x-user":"bob"}'));
    expect(await who('a', 'ann')).toEqual(text('{"x-user":"ann"}'));
    expect(lab.runs.get('who')).toBe(2);
  });

  it('has a session of a server that keeps state for each name of one', async () => {
    const lab = new Lab().tool('count', () => text('1'));
    const { mcpo } = await serve({ servers: { lab: { connect: lab.connect, stateful: true } } });
    for (const session of ['one', 'two', 'one']) await mcpo.callTool('lab', 'count', {}, { session });
    // Two sessions, and the server's own connection.
    expect(mcpo.stats.servers.lab?.connections).toBe(3);
  });

  it.each([
    ['an unknown server', 'none', 'tool', {}, 'MCPO_UNKNOWN_SERVER'],
    ['an unknown tool', 'lab', 'none', {}, 'MCPO_UNKNOWN_TOOL'],
    ['arguments that do not fit', 'lab', 'strict', {}, 'MCPO_INVALID_ARGUMENTS'],
    ['arguments that are no JSON value', 'lab', 'strict', { a: new Date() }, 'MCPO_INVALID_ARGUMENTS'],
    ['arguments that are no object', 'lab', 'strict', [] as never, 'MCPO_INVALID_ARGUMENTS'],
    ['a tool that fails', 'lab', 'fails', {}, 'MCPO_TOOL_ERROR'],
  ])('rejects for %s, and counts it', async (_what, server, tool, args, code) => {
    const lab = new Lab()
      .tool('strict', () => text('1'), { inputSchema: { type: 'object', required: ['a'] } })
      .tool('fails', () => ({ ...text('no'), isError: true }));
    const { mcpo } = await serve({ servers: { lab: { connect: lab.connect } } });
    expect(await failure(mcpo.callTool(server, tool, args))).toMatchObject({ code });
    const outcome = code.slice('MCPO_'.length).toLowerCase();
    expect(await mcpo.registry.metrics()).toMatch(new RegExp(`mcpo_tool_requests_total\\{.*outcome="${outcome}"\\} 1`));
  });

  it('rejects with MCPO_CLOSING once the router closes, and lets a running call end', async () => {
    const lab = new GatedLab().tool('slow');
    const mcpo = mcpoRouter({ servers: { lab: lab.server }, logger: silent });
    await mcpo.ready();
    const running = mcpo.callTool('lab', 'slow');
    await until(() => lab.begun === 1);
    const closed = mcpo.close();
    expect(await failure(mcpo.callTool('lab', 'slow'))).toMatchObject({ code: 'MCPO_CLOSING' });
    lab.openAll();
    expect(await running).toEqual(text('1'));
    await closed;
  });
});
