import { type McpoOptions } from '../lib';
import { Lab, text } from './support/lab';
import { post } from './support/post';
import { deferred, until } from './support/deferred';
import { serving } from './support/serve';

const serve = serving();
const image = { type: 'image' as const, data: 'aGk=', mimeType: 'image/png' };
const outputSchema = { type: 'object' as const, properties: { a: { type: 'integer' } } };
const options = (lab: Lab): McpoOptions => ({ servers: { lab: { connect: lab.connect } }, cache: {} });
const read = { annotations: { readOnlyHint: true } };

it('items beside structured content are announced, also of cached and shared answers', async () => {
  const gate = deferred();
  const lab = new Lab().tool(
    'photo',
    async () => {
      await gate.promise;
      return { content: [...text('a 1').content, image, image], structuredContent: { a: 1 } };
    },
    { ...read, outputSchema },
  );
  const { mcpo, url } = await serve(options(lab));
  const shared = [post(`${url}/lab/photo`), post(`${url}/lab/photo`)];
  await until(() => mcpo.stats.running === 2 && lab.runs.get('photo') === 1);
  gate.resolve();
  const answers = [...(await Promise.all(shared)), await post(`${url}/lab/photo`)];
  expect(answers.map(({ body, header }) => [body, header('x-mcpo-content')])).toEqual(
    Array.from({ length: 3 }, () => [{ a: 1 }, '2']),
  );
  expect(answers[2]?.header('cache-status')).toContain('hit');
  expect(lab.runs.get('photo')).toBe(1);
  const raw = await post(`${url}/lab/photo`, { headers: { accept: 'application/vnd.mcp+json' } });
  expect(raw.header('x-mcpo-content')).toBeNull();
  expect(raw.body).toMatchObject({ structuredContent: { a: 1 }, content: [{ type: 'text' }, image, image] });
});

it('a tool without an output schema answers with them in an array', async () => {
  const lab = new Lab().tool('photo', () => ({ content: [image], structuredContent: { a: 1 } }), read);
  const { url } = await serve(options(lab));
  for (let n = 0; n < 2; n += 1) {
    const { body, header } = await post(`${url}/lab/photo`);
    expect([body, header('x-mcpo-content')]).toEqual([[{ a: 1 }, 'data:image/png;base64,aGk='], null]);
  }
});

it('the OpenAPI document tells of the header, and opens the envelope of FastMCP', async () => {
  const wrapped = {
    type: 'object' as const,
    properties: { result: { $ref: '#/$defs/Count' } },
    required: ['result'],
    $defs: { Count: { type: 'integer' } },
    'x-fastmcp-wrap-result': true,
  };
  const lab = new Lab()
    .tool('photo', () => text(''), { outputSchema })
    .tool('count', () => ({ content: [], structuredContent: { result: 3 } }), { outputSchema: wrapped });
  const { url } = await serve(options(lab));
  const document: unknown = await (await fetch(`${url}/openapi.json`)).json();
  const responses = (path: string, headers: unknown, schema: unknown): object => ({
    [path]: { post: { responses: { 200: { headers, content: { 'application/json': { schema } } } } } },
  });
  expect(document).toMatchObject({
    paths: {
      ...responses('/lab/photo', { 'X-MCPO-Content': { schema: { type: 'integer' } } }, outputSchema),
      ...responses('/lab/count', expect.anything(), { type: 'integer' }),
    },
  });
  expect((await post(`${url}/lab/count`)).body).toBe(3);
});
