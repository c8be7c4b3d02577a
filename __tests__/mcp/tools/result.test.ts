import { rawResultBody, resultBody } from '../../../lib/mcp/tools/result';
import type { CallResult } from '../../../lib/mcp/session/pending-call';
import { failure, Started, answer, byHand, call, sendJson } from '../../support/mcp-http';

const started = new Started();
afterEach(() => started.end());

const text = (value: string): object => ({ type: 'text', text: value });

/** The body of a result with this content, as it is sent. */
function sent(...content: unknown[]): string {
  return resultBody({ content } as CallResult).body.toString();
}

describe('content', () => {
  it('of none is an empty array', () => {
    expect(sent()).toBe('[]');
    expect(resultBody({} as CallResult).body.toString()).toBe('[]');
  });

  it('of one item stands alone, and several are an array', () => {
    expect(sent(text('hi'))).toBe('"hi"');
    expect(sent(text('hi'), text('{"a":1}'), text('2'))).toBe('["hi",{"a":1},2]');
    expect(sent(text('[]'))).toBe('[]');
    expect(sent(text('[]'), text('[1]'))).toBe('[[],[1]]');
  });

  it.each([
    ['image', { type: 'image', data: 'aGk=', mimeType: 'image/png' }, 'data:image/png;base64,aGk='],
    ['audio', { type: 'audio', data: 'aGk=', mimeType: 'audio/wav' }, 'data:audio/wav;base64,aGk='],
    ['image without a type', { type: 'image', data: 'aGk=' }, 'data:application/octet-stream;base64,aGk='],
    ['empty image', { type: 'image', data: '', mimeType: 'image/png' }, 'data:image/png;base64,'],
    ['text resource', { type: 'resource', resource: { uri: 'file:///a', text: 'hello' } }, 'hello'],
    ['text resource in JSON', { type: 'resource', resource: { uri: 'file:///a', text: '{"a":1}' } }, '{"a":1}'],
    [
      'blob resource',
      { type: 'resource', resource: { uri: 'file:///a', blob: 'aGk=', mimeType: 'image/png' } },
      'data:image/png;base64,aGk=',
    ],
    [
      'blob resource without a type',
      { type: 'resource', resource: { uri: 'file:///a', blob: 'aGk=' } },
      'data:application/octet-stream;base64,aGk=',
    ],
    [
      'resource link',
      { type: 'resource_link', uri: 'file:///a', name: 'a', mimeType: 'text/plain', description: 'd' },
      { uri: 'file:///a', name: 'a', mimeType: 'text/plain', description: 'd' },
    ],
    [
      'resource link without a type',
      { type: 'resource_link', uri: 'file:///a', name: 'a' },
      { uri: 'file:///a', name: 'a' },
    ],
  ])('of one %s', (_, item, body) => {
    expect(JSON.parse(sent(item))).toEqual(body);
    expect(JSON.parse(sent(item, text('and')))).toEqual([body, 'and']);
  });

  it.each([
    ['an unknown kind', { type: 'hologram', data: { depth: 3 }, _meta: null }],
    ['no kind', { text: 'hi' }],
    ['a kind of another type', { type: 7 }],
    ['text without text', { type: 'text' }],
    ['text that is none', { type: 'text', text: 7 }],
    ['an image without data', { type: 'image', mimeType: 'image/png' }],
    ['a resource without one', { type: 'resource' }],
    ['a resource that is null', { type: 'resource', resource: null }],
    ['a resource without text or blob', { type: 'resource', resource: { uri: 'file:///a' } }],
    ['a kind named like a method', { type: 'constructor' }],
    ['nothing', {}],
  ])('of %s is handed on whole', (_, item) => {
    expect(JSON.parse(sent(item))).toEqual(item);
  });
});

describe('text', () => {
  it.each([
    '12345678901234567890',
    '{"id":12345678901234567890,"price":1.10,"big":1e400}',
    ' { "spaced" : [ 1 , 2 ] }\n',
    '{"twice":1,"twice":2}',
    '{"__proto__":{"x":1}}',
    '"\\ud800"',
    '-0',
    'null',
    '"quoted"',
    '[]',
    `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  ])('that is JSON is sent as it came: %#', (json) => {
    expect(sent(text(json))).toBe(json);
  });

  it.each([
    '',
    ' ',
    'hello',
    '{"half":',
    "{'a':1}",
    'NaN',
    '01',
    '1 2',
    'undefined',
    '\ufeff{}',
    'a"b\\c\n\u2028\0',
    'grüße 🎈',
  ])('that is no JSON is a string: %j', (value) => {
    expect(JSON.parse(sent(text(value)))).toBe(value);
  });

  it('keeps a lone surrogate, which UTF-8 has not', () => {
    expect(sent(text('a\ud800b'))).toBe('"a\\ud800b"');
    expect(sent(text('{"a":"\udc00"}'))).toBe('{"a":"\\udc00"}');
    const deep = `${'['.repeat(20_000)}1e400${']'.repeat(20_000)}`;
    expect(sent(text(`["\ud83d", 12345678901234567890, ${deep}]`))).toBe(`["\\ud83d", 12345678901234567890, ${deep}]`);
    expect(sent(text('["\ud83d\ude00\ude00"]'))).toBe('["\ud83d\ude00\\ude00"]');
    expect(sent({ type: 'resource', resource: { text: '\ud800' } })).toBe('"\\ud800"');
  });

  it('reaches the caller with all its digits over a real connection', async () => {
    const json = '{"id":12345678901234567890}';
    const { url } = await started.listen(
      byHand((rpc, res) => {
        sendJson(res, answer(rpc.id, { content: [text(json)], extra: { kept: true } }));
      }),
    );
    const result = await call(await started.connect(`${url}/mcp`));
    expect(resultBody(result).body.toString()).toBe(json);
    expect(JSON.parse(rawResultBody(result).toString())).toEqual({ content: [text(json)], extra: { kept: true } });
  });
});

describe('structured content', () => {
  const bodyOf = (result: object, schema?: { readonly type: 'object' }): [string, number] => {
    const { body, companions } = resultBody(result as CallResult, schema);
    return [body.toString(), companions];
  };

  it.each([{ a: [1, null] }, {}, { __proto__: null, content: 'x' }])('%j wins over content', (structuredContent) => {
    const result: CallResult = { content: [{ type: 'text', text: 'for people' }], structuredContent };
    expect(JSON.parse(resultBody(result).body.toString())).toEqual({ ...structuredContent });
  });

  it.each([[[1, 'a']], ['text'], [3], [true], [false], [null], [[]], ['']])(
    'may be any JSON: %j',
    (structuredContent) => {
      const result = { content: [text('for people')], structuredContent };
      expect(bodyOf(result)).toEqual([JSON.stringify(structuredContent), 0]);
      expect(bodyOf(result, { type: 'object' })).toEqual([JSON.stringify(structuredContent), 0]);
    },
  );

  it('is followed by what is beside it where no schema says what the body is, else that is counted', () => {
    const link = { type: 'resource_link', uri: 'file:///a', name: 'a', title: 't', description: 'd', size: 3 };
    const image = { type: 'image', data: 'aGk=', mimeType: 'image/png' };
    const embedded = { type: 'resource', resource: { uri: 'file:///b', text: 'hello' } };
    const result = { content: [text('a 1'), image, link, embedded], structuredContent: { a: 1 } };
    const { type: _, ...members } = link;
    const all = JSON.stringify([{ a: 1 }, 'data:image/png;base64,aGk=', members, 'hello']);
    expect(bodyOf(result)).toEqual([all, 0]);
    expect(bodyOf(result, { type: 'object' })).toEqual(['{"a":1}', 3]);
    expect(JSON.parse(rawResultBody(result as unknown as CallResult).toString())).toEqual(result);
  });

  it('is opened where FastMCP has marked it as an envelope, and only there', () => {
    const marked = { type: 'object', 'x-fastmcp-wrap-result': true } as const;
    const result = { content: [text('3')], structuredContent: { result: 3 } };
    const _meta = { fastmcp: { wrap_result: true } };
    expect(bodyOf(result)).toEqual(['{"result":3}', 0]);
    expect(bodyOf(result, { type: 'object' })).toEqual(['{"result":3}', 0]);
    expect(bodyOf(result, marked)).toEqual(['3', 0]);
    expect(bodyOf({ ...result, _meta })).toEqual(['3', 0]);
    expect(bodyOf({ ...result, structuredContent: { result: null } }, marked)).toEqual(['null', 0]);
    expect(bodyOf({ ...result, structuredContent: { result: 3, more: 1 } }, marked)).toEqual([
      '{"result":3,"more":1}',
      0,
    ]);
    expect(bodyOf({ ...result, structuredContent: [3] }, marked)).toEqual(['[3]', 0]);
  });

  it('does without content', () => {
    expect(resultBody({ structuredContent: { a: 1 } } as unknown as CallResult).body.toString()).toBe('{"a":1}');
  });
});

describe('a tool that failed', () => {
  const run = (result: object): Promise<unknown> => Promise.resolve(result as CallResult).then((it) => resultBody(it));

  it.each([
    ['its texts', [text('no'), { type: 'image', data: 'aGk=' }, text('such file')], 'no\nsuch file'],
    ['a message where there is none', [], 'the tool failed without a message'],
    ['a message where there is no text', [{ type: 'image', data: 'aGk=' }], 'the tool failed without a message'],
    ['a message where its text is empty', [text('')], 'the tool failed without a message'],
    ['a message where there is no content', undefined, 'the tool failed without a message'],
  ])('is an MCPO_TOOL_ERROR with %s', async (_, content, message) => {
    const error = await failure(run({ content, isError: true, structuredContent: { a: 1 } }));
    expect(error).toMatchObject({ code: 'MCPO_TOOL_ERROR', status: 500, message, outcome: undefined });
  });

  it('is one in the raw format too', () => {
    const result = { content: [{ type: 'text' as const, text: 'no' }], isError: true };
    expect(() => rawResultBody(result)).toThrow(expect.objectContaining({ code: 'MCPO_TOOL_ERROR', message: 'no' }));
  });

  it.each([false, undefined, 'true', 1, null])('is not one whose isError is %j', (isError) => {
    expect(resultBody({ content: [text('fine')], isError } as unknown as CallResult).body.toString()).toBe('"fine"');
  });
});

describe('the raw format', () => {
  it('is the whole result', () => {
    const result = {
      content: [text('{"a":1}'), { type: 'hologram', depth: 3 }],
      structuredContent: { a: 1 },
      _meta: { 'example.com/x': null },
      isError: false,
      unknown: [1],
    };
    expect(JSON.parse(rawResultBody(result as unknown as CallResult).toString())).toEqual(result);
  });
});
