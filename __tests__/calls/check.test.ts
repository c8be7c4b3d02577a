import { ConfigError, mcpoRouter } from '../../lib';
import { Lab } from '../support/lab';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();

const properties = {
  limit: { type: 'number' },
  country: { type: 'string' },
  tags: { type: 'array', items: { type: 'string' } },
  'a "ü" b': { type: 'boolean' },
};

function makeLab(): Lab {
  const definition = { inputSchema: { type: 'object' as const, properties }, annotations: { readOnlyHint: true } };
  return new Lab().tool('list', ({ args }) => ({ content: [], structuredContent: args }), definition);
}

describe('lenient arguments', () => {
  it('reach the tool as the schema has them, and a header says what was changed', async () => {
    const lab = makeLab();
    const { url } = await serve({ servers: { lab: { connect: lab.connect } }, arguments: 'lenient' });
    const sent = { limit: '5', country: null, tags: '["a"]', 'a "ü" b': 'true', other: null };
    const answer = await post(`${url}/lab/list`, { args: sent });
    expect([answer.status, answer.body]).toEqual([200, { limit: 5, tags: ['a'], 'a "ü" b': true, other: null }]);
    expect(answer.header('x-mcpo-arguments')).toBe('adjusted;at=("/limit" "/country" "/tags" "/a%20%22%C3%BC%22%20b")');
    const fine = await post(`${url}/lab/list`, { args: { limit: 5 } });
    expect(fine.header('x-mcpo-arguments')).toBeNull();
  });

  it('have the cache key of what they are read as', async () => {
    const lab = makeLab();
    const { url } = await serve({
      servers: { lab: { connect: lab.connect, arguments: 'lenient' } },
      cache: { tools: { 'lab/list': { ttlMs: 60_000 } } },
    });
    expect((await post(`${url}/lab/list`, { args: { limit: 5 } })).status).toBe(200);
    const again = await post(`${url}/lab/list`, { args: { limit: '5', country: null } });
    expect([again.body, again.header('x-mcpo-arguments')]).toEqual([{ limit: 5 }, 'adjusted;at=("/limit" "/country")']);
    expect(again.header('cache-status')).toMatch(/; hit/);
    expect(lab.runs.get('list')).toBe(1);
  });

  it('that cannot be read are refused for what remains', async () => {
    const { url } = await serve({ servers: { lab: { connect: makeLab().connect } }, arguments: 'lenient' });
    const answer = await post(`${url}/lab/list`, { args: { limit: 'five', tags: '["a"]' } });
    expect([answer.status, answer.body]).toMatchObject([422, { detail: '/limit must be number' }]);
    expect(answer.header('x-mcpo-arguments')).toBeNull();
  });

  it('are named, ten at most in the header', async () => {
    const lab = new Lab().tool('list', () => ({ content: [] }), {
      inputSchema: { type: 'object', additionalProperties: { type: 'number' } },
    });
    const { url } = await serve({ servers: { lab: { connect: lab.connect } }, arguments: 'lenient' });
    const args = Object.fromEntries(Array.from({ length: 15 }, (_, n) => [`p${n}`, '1']));
    const answer = await post(`${url}/lab/list`, { args });
    expect(answer.header('x-mcpo-arguments')?.match(/"/g)).toHaveLength(20);
  });

  it('are for the server that asks for them, and none by default', async () => {
    const [strict, lenient] = [makeLab(), makeLab()];
    const servers = {
      strict: { connect: strict.connect, arguments: 'strict' as const },
      lab: { connect: lenient.connect },
    };
    const { url } = await serve({ servers, arguments: 'lenient' });
    expect((await post(`${url}/lab/list`, { args: { limit: '5' } })).status).toBe(200);
    expect((await post(`${url}/strict/list`, { args: { limit: '5' } })).status).toBe(422);
    const { url: byDefault } = await serve({ servers: { lab: { connect: makeLab().connect } } });
    expect((await post(`${byDefault}/lab/list`, { args: { limit: '5' } })).body).toMatchObject({
      detail: '/limit must be number',
    });
  });

  it.each([
    [{ arguments: 'loose' }, "arguments must be 'strict' or 'lenient', got \"loose\""],
    [
      { servers: { a: { command: 'x', arguments: true } } },
      "servers.a.arguments must be 'strict' or 'lenient', got true",
    ],
  ])('are configured by one of two words: %j', (options, message) => {
    expect(() => mcpoRouter({ servers: {}, ...options } as never)).toThrow(ConfigError);
    expect(() => mcpoRouter({ servers: {}, ...options } as never)).toThrow(message);
  });
});
