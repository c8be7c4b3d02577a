import type { Logger } from '../../../lib/util/logger';
import { readToolList } from '../../../lib/mcp/tools/list-tools';
import { silent } from '../../support/loggers';
import { Started, answer, byHand, sendJson } from '../../support/mcp-http';

const started = new Started();
afterEach(() => started.end());

type Page = Readonly<Record<string, unknown>>;

const tool = (name: string): object => ({ name, inputSchema: { type: 'object' } });

/** Reads a list whose pages come from a function of the cursor. */
async function read(
  page: (cursor: string | undefined) => Page,
): Promise<{ names: string[]; cursors: (string | undefined)[]; warnings: string[] }> {
  const cursors: (string | undefined)[] = [];
  const warnings: string[] = [];
  const logger: Logger = { ...silent, warn: (message: string) => void warnings.push(message) };
  const tools = await readToolList((cursor) => {
    cursors.push(cursor);
    return Promise.resolve(page(cursor));
  }, logger);
  return { names: tools.map(({ name }) => name), cursors, warnings };
}

describe('a list of tools', () => {
  it('is read to its last page, in order', async () => {
    const pages: Record<string, Page> = {
      first: { tools: [tool('a'), tool('b')], nextCursor: '2' },
      2: { tools: [], nextCursor: 'drei' },
      drei: { tools: [tool('c')] },
    };
    expect(await read((cursor = 'first') => pages[cursor] ?? {})).toEqual({
      names: ['a', 'b', 'c'],
      cursors: [undefined, '2', 'drei'],
      warnings: [],
    });
  });

  it.each([null, undefined, 7, {}])('ends where the next cursor is %j', async (nextCursor) => {
    const { names, cursors } = await read(() => ({ tools: [tool('a')], nextCursor }));
    expect([names, cursors]).toEqual([['a'], [undefined]]);
  });

  it('goes on at an empty cursor', async () => {
    const { names } = await read((cursor) =>
      cursor === undefined ? { tools: [tool('a')], nextCursor: '' } : { tools: [tool('b')] },
    );
    expect(names).toEqual(['a', 'b']);
  });

  it('ends where an empty cursor leads to itself', async () => {
    const { names, cursors } = await read(() => ({ tools: [tool('a')], nextCursor: '' }));
    expect([names, cursors]).toEqual([['a'], [undefined, '']]);
  });

  it('keeps each definition whole', async () => {
    const definition = {
      ...tool('a'),
      title: 'A',
      outputSchema: { type: 'object' },
      annotations: { readOnlyHint: true, custom: 1 },
      _meta: { 'example.com/x': [null] },
      unknown: { kept: true },
    };
    expect(await readToolList(() => Promise.resolve({ tools: [definition] }), silent)).toEqual([definition]);
  });

  it('leaves out malformed entries, with one warning', async () => {
    const wrong = [null, undefined, 'a', 7, [], [tool('x')], {}, { name: 7 }, { name: null }, { title: 'x' }];
    const { names, warnings } = await read(() => ({ tools: [tool('a'), ...wrong, tool('b')] }));
    expect(names).toEqual(['a', 'b']);
    expect(warnings).toEqual(['mcpo: 10 listed tools are left out: they have no name']);
  });

  it.each([undefined, null, {}, 'tools', 7])('that is %j is an error', async (tools) => {
    await expect(read(() => ({ tools }))).rejects.toThrow('the answer to tools/list has no list of tools');
  });

  it('that gives the same cursor twice is an error', async () => {
    let pages = 0;
    await expect(
      read((cursor) => {
        pages += 1;
        return { tools: [tool(String(pages))], nextCursor: cursor === 'a' ? 'b' : 'a' };
      }),
    ).rejects.toThrow('the same cursor twice');
    expect(pages).toBe(3);
  });

  it('whose pages never end is an error', async () => {
    let pages = 0;
    await expect(
      read(() => {
        pages += 1;
        return { tools: [tool(String(pages))], nextCursor: String(pages) };
      }),
    ).rejects.toThrow('does not end within 1000 pages and 50000 tools');
    expect(pages).toBe(1_000);
  });

  it('of too many tools is an error long before', async () => {
    const many = Array.from({ length: 10_000 }, (_item, n) => tool(String(n)));
    let pages = 0;
    await expect(
      read(() => {
        pages += 1;
        return { tools: many, nextCursor: String(pages) };
      }),
    ).rejects.toThrow('does not end');
    expect(pages).toBe(6);
  });

  it('fails as its pages do', async () => {
    const error = new Error('page 2 is gone');
    await expect(
      readToolList(
        (cursor) => (cursor === undefined ? Promise.resolve({ tools: [], nextCursor: '2' }) : Promise.reject(error)),
        silent,
      ),
    ).rejects.toBe(error);
  });
});

describe('the list of a server over HTTP', () => {
  it('is asked for by cursor, and malformed tools do not spoil it', async () => {
    const asked: unknown[] = [];
    const { url } = await started.listen(
      byHand((rpc, res) => {
        asked.push(rpc.params);
        const pages = [{ tools: [tool('a'), { name: 7 }], nextCursor: 'next' }, { tools: [{ name: 'b' }] }];
        sendJson(res, answer(rpc.id, pages[asked.length - 1] ?? {}));
      }),
    );
    const connection = await started.connect(`${url}/mcp`);
    expect(await connection.listTools()).toEqual([tool('a'), { name: 'b' }]);
    expect(asked).toEqual([undefined, { cursor: 'next' }]);
  });
});
