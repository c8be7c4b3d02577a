import { type CallToolResult, ResultSchema, type Tool } from '@modelcontextprotocol/sdk/types.js';
import request from 'supertest';
import { mcpoRouter } from '../../lib';
import type { OpenApiDocument } from '../../lib/pages/openapi/document';
import { inExpress5 } from '../support/hosts';
import { silent } from '../support/loggers';
import { INSTALL_MS, install } from './install';
import { plainBody } from './plain-body';
import { Running } from './running';
import { REAL_SERVERS, realServer } from './servers';

const running = new Running();
beforeAll(() => install(REAL_SERVERS), INSTALL_MS);
afterEach(() => running.end(), 30_000);

it.each(REAL_SERVERS)(
  '$name: lists its tools and answers over REST as it answers a client of the SDK',
  async (server) => {
    // Each does all calls with a process and a folder of its own, so that what one writes is not there for the others.
    const [direct, raw, plain] = [
      await running.start(server),
      await running.start(server),
      await running.start(server),
    ];
    const warnings: unknown[] = [];
    const warn = (...what: readonly unknown[]): void => {
      warnings.push(what);
    };
    const logger = { ...silent, warn, error: warn };
    const mcpo = mcpoRouter({ servers: { raw: raw.options, plain: plain.options }, logger });
    running.onEnd(() => mcpo.close());
    const { url, close } = await inExpress5.mount(mcpo);
    running.onEnd(close);
    const [client] = await Promise.all([running.client(direct), mcpo.ready()]);

    expect(warnings).toEqual([]);
    const { tools } = await client.listTools();
    const { paths } = (await request(url).get('/plain/openapi.json')).body as { paths: Record<string, unknown> };
    expect(Object.keys(paths).sort()).toEqual(tools.map(({ name }) => `/${name}`).sort());

    for (const call of server.calls) {
      const { tool: name, fails = false } = call;
      const result = (await client.request(
        { method: 'tools/call', params: { name, arguments: direct.filled(call.arguments) } },
        // `callTool()` drops members that its version does not know.
        ResultSchema,
      )) as CallToolResult;
      expect({ call, fails: result.isError === true, result }).toMatchObject({ fails });
      const asRaw = await request(url)
        .post(`/raw/${name}`)
        .set('Accept', 'application/vnd.mcp+json')
        .send(raw.filled(call.arguments));
      const asPlain = await request(url).post(`/plain/${name}`).send(plain.filled(call.arguments));

      const status = fails ? 500 : 200;
      for (const answer of [asRaw, asPlain]) {
        expect({ call, status: answer.status, problem: answer.status === status ? '' : answer.text }).toEqual({
          call,
          status,
          problem: '',
        });
      }
      const expected = plainBody(result, tools.find((tool) => tool.name === name) as Tool);
      const body = JSON.parse(plain.settled(asPlain.text)) as unknown;
      expect({ call, body: fails ? (body as { detail: string }).detail : body }).toEqual({
        call,
        body: JSON.parse(direct.settled(JSON.stringify(expected))) as unknown,
      });
      if (fails) continue;
      expect({ call, raw: JSON.parse(raw.settled(asRaw.text)) as unknown }).toEqual({
        call,
        raw: JSON.parse(direct.settled(JSON.stringify(result))) as unknown,
      });
    }
  },
  90_000,
);

it('fastmcp: an envelope is opened in the document too, and a number keeps its digits', async () => {
  const { options } = await running.start(realServer('fastmcp'));
  const mcpo = mcpoRouter({ servers: { birds: options }, logger: silent });
  running.onEnd(() => mcpo.close());
  const { url, close } = await inExpress5.mount(mcpo);
  running.onEnd(close);
  await mcpo.ready();
  const { paths } = (await request(url).get('/openapi.json')).body as OpenApiDocument;
  const answer = paths['/birds/count']?.post.responses[200] as { content: Record<string, { schema: object }> };
  expect(answer.content['application/json']?.schema).toMatchObject({ type: 'integer' });
  expect((await request(url).post('/birds/exact')).text).toBe('1915883588174806058');
}, 60_000);
