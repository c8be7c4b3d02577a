import { glob } from '../../../lib/util/glob';
import type { Tool } from '../../../lib/mcp/tools/tool';
import { Catalogue } from '../../../lib/mcp/tools/catalogue';
import type { ToolDefinition } from '../../../lib/mcp/tools/tool';
import { silent } from '../../support/loggers';

const definition = (name: string, description = ''): ToolDefinition => ({
  name,
  description,
  inputSchema: { type: 'object', properties: { n: { type: 'integer' } } },
});

/** A catalogue of tools with these names, and what it warned of. */
function catalogueOf(
  names: readonly string[],
  isServed: (name: string) => boolean = () => true,
): { readonly catalogue: Catalogue<{ readonly tool: Tool }>; readonly warnings: string[] } {
  const warnings: string[] = [];
  const logger = { ...silent, warn: (text: string) => void warnings.push(text) };
  const catalogue = new Catalogue('my server', isServed, logger, (tool) => ({ tool }));
  catalogue.replace(names.map((name) => definition(name)));
  return { catalogue, warnings };
}

/** The path below its server by which an HTTP client asks for a tool. */
function asked(path: string): string {
  const { pathname } = new URL(path, 'http://localhost');
  expect(pathname.startsWith('/my%20server/')).toBe(true);
  return pathname.slice('/my%20server/'.length);
}

describe('a name', () => {
  it.each([
    ['plain', '/my%20server/plain'],
    ['read_file', '/my%20server/read_file'],
    ['CamelCase-and.dots', '/my%20server/CamelCase-and.dots'],
    ['a/b/c', '/my%20server/a/b/c'],
    ['.hidden', '/my%20server/.hidden'],
    ['...', '/my%20server/...'],
    ['größe', '/my%20server/gr%C3%B6%C3%9Fe'],
    ['工具 🎈', '/my%20server/%E5%B7%A5%E5%85%B7%20%F0%9F%8E%88'],
    ['a?b#c', '/my%20server/a%3Fb%23c'],
    ['100%', '/my%20server/100%25'],
    ['%2e%2e', '/my%20server/%252e%252e'],
    ['a+b;c=d&e', '/my%20server/a%2Bb%3Bc%3Dd%26e'],
    ['back\\slash', '/my%20server/back%5Cslash'],
    ['\tline\nfeed\0', '/my%20server/%09line%0Afeed%00'],
    ['a//b', '/my%20server/a%2F%2Fb'],
    ['/', '/my%20server/%2F'],
    ['/etc', '/my%20server/%2Fetc'],
    ['a/', '/my%20server/a%2F'],
    ['../x', '/my%20server/..%2Fx'],
    ['a/./b', '/my%20server/a%2F.%2Fb'],
    ['x'.repeat(1_000), `/my%20server/${'x'.repeat(1_000)}`],
  ])('%j is found by its path, however a client writes it', (name, path) => {
    const { catalogue, warnings } = catalogueOf(['other', name]);
    const [, entry] = catalogue.entries;
    expect(entry?.tool).toMatchObject({ server: 'my server', name, path });
    expect(catalogue.find(asked(path))).toBe(entry);
    expect(catalogue.find(encodeURIComponent(name))).toBe(entry);
    expect(catalogue.find(asked(path).replace(/%../g, (code) => code.toLowerCase()))).toBe(entry);
    expect(warnings).toEqual([]);
  });

  it.each(['', '.', '..', '\ud800', 'a\udc00b'])('%j cannot be reached and is left out, with a warning', (name) => {
    const { catalogue, warnings } = catalogueOf([name, 'other']);
    expect(catalogue.entries.map(({ tool }) => tool.name)).toEqual(['other']);
    expect(warnings).toEqual([expect.stringContaining('no URL can hold its name')]);
    expect(catalogue.find(name)).toBeUndefined();
  });

  it('that comes twice stands for the first, with a warning', () => {
    const { catalogue, warnings } = catalogueOf([]);
    catalogue.replace([definition('a', 'first'), definition('b'), definition('a', 'second')]);
    expect(catalogue.find('a')?.tool.definition.description).toBe('first');
    expect([catalogue.size, catalogue.entries.length]).toEqual([2, 2]);
    expect(warnings).toEqual(['mcpo: server my server: tool "a" is left out: its name is taken']);
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype'])(
    '%s is one like any other',
    (name) => {
      expect(catalogueOf(['other']).catalogue.find(name)).toBeUndefined();
      const { catalogue } = catalogueOf([name]);
      expect(catalogue.find(name)?.tool).toMatchObject({ name, path: `/my%20server/${name}` });
      expect(catalogue.entries.map(({ tool }) => tool.name)).toEqual([name]);
    },
  );
});

describe('a look-up', () => {
  const { catalogue } = catalogueOf(['a/b', 'a%2Fb', 'größe', 'A', 'a']);

  it.each([
    ['a/b', 'a/b'],
    ['a%2Fb', 'a/b'],
    ['a%2fb', 'a/b'],
    ['%61/b', 'a/b'],
    ['a%252Fb', 'a%2Fb'],
    ['größe', 'größe'],
    ['gr%c3%b6%C3%9fe', 'größe'],
    ['A', 'A'],
    ['%61', 'a'],
  ])('of %s finds %s', (path, name) => {
    expect(catalogue.find(path)?.tool.name).toBe(name);
  });

  it.each(['', 'b', 'a/', '/a', 'a/b/', 'a//b', '%', '%a', '%zz', 'a%', '%C3', '%ff%fe', 'gr%F6%DFe', '%00'])(
    'of %j finds nothing and does not throw',
    (path) => {
      expect(catalogue.find(path)).toBeUndefined();
    },
  );
});

describe('include and exclude', () => {
  it('decide by the exact name', () => {
    const isIncluded = glob(['*_file', '..', 'x/*', 'größe', '__proto__']);
    const isExcluded = glob(['delete*', '__proto__']);
    const names = ['read_file', 'READ_FILE', 'delete_file', 'x/y/z', 'größe', 'Größe', '__proto__', 'file'];
    const { catalogue, warnings } = catalogueOf(names, (name) => isIncluded(name) && !isExcluded(name));
    expect(catalogue.entries.map(({ tool }) => tool.name)).toEqual(['read_file', 'x/y/z', 'größe']);
    expect(catalogue.find('delete_file')).toBeUndefined();
    expect(catalogue.find('delete%5Ffile')).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('are asked once for each tool, and before anything is said of its name', () => {
    const askedFor: string[] = [];
    const { warnings } = catalogueOf(['a', '..', 'b'], (name) => {
      askedFor.push(name);
      return name !== '..';
    });
    expect([askedFor, warnings]).toEqual([['a', '..', 'b'], []]);
  });
});

describe('a new list', () => {
  it('keeps tools that have not changed, and takes over the others', () => {
    const { catalogue } = catalogueOf(['a', 'b', 'gone']);
    const [a, b] = catalogue.entries;
    catalogue.replace([definition('new'), definition('b', 'changed'), definition('a')]);
    expect(catalogue.entries.map(({ tool }) => tool.name)).toEqual(['new', 'b', 'a']);
    expect(catalogue.find('a')).toBe(a);
    expect(catalogue.find('b')).not.toBe(b);
    expect(catalogue.find('b')?.tool.definition.description).toBe('changed');
    expect(catalogue.find('gone')).toBeUndefined();
    expect(catalogue.size).toBe(3);
  });

  it.each([
    ['what cannot be made a string', { toString: null }, '{\\"toString\\":null}'],
    ['nothing any more', undefined, 'nothing'],
  ])('is taken over where a tool says %s, and that is told', (_what, description, told) => {
    const { catalogue, warnings } = catalogueOf(['a']);
    catalogue.replace([{ ...definition('a'), description } as ToolDefinition]);
    expect(catalogue.find('a')?.tool.definition.description).toEqual(description);
    expect(warnings).toEqual([expect.stringContaining(`and now says "${told}"`)]);
  });

  it('that is empty leaves none', () => {
    const { catalogue } = catalogueOf(['a']);
    catalogue.replace([]);
    expect([catalogue.size, catalogue.entries, catalogue.find('a')]).toEqual([0, [], undefined]);
  });

  it('checks arguments by the schema it brings', () => {
    const { catalogue } = catalogueOf(['a']);
    expect(catalogue.find('a')?.tool.check({ n: 'x' })).toEqual([{ pointer: '/n', message: 'must be integer' }]);
    catalogue.replace([{ name: 'a', inputSchema: { type: 'object' } }]);
    expect(catalogue.find('a')?.tool.check({ n: 'x' })).toBeUndefined();
  });

  it('with an unusable schema has the tool all the same, and says so', () => {
    const { catalogue, warnings } = catalogueOf([]);
    catalogue.replace([{ name: 'a', inputSchema: 7 as never }, { name: 'b' } as never]);
    expect(catalogue.entries.map(({ tool: { name, inputSchema } }) => [name, inputSchema])).toEqual([
      ['a', { type: 'object' }],
      ['b', { type: 'object' }],
    ]);
    expect(warnings).toEqual([
      expect.stringContaining('mcpo: tool my server/a: inputSchema'),
      expect.stringContaining('mcpo: tool my server/b: inputSchema'),
    ]);
  });

  it('of 10,000 tools is taken over in about a second, and those unchanged stay the same', () => {
    const list = (changed: number): ToolDefinition[] =>
      Array.from({ length: 10_000 }, (_item, n) => definition(`tool/${n}`, n === changed ? 'changed' : ''));
    const { catalogue } = catalogueOf([]);
    const began = performance.now();
    catalogue.replace(list(-1));
    const before = catalogue.entries;
    catalogue.replace(list(5_000));
    expect(performance.now() - began).toBeLessThan(2_000);
    const differing = catalogue.entries.filter((entry, n) => entry !== before[n]).map(({ tool }) => tool.name);
    expect(differing).toEqual(['tool/5000']);
    expect(catalogue.find('tool/9999')).toBe(before[9_999]);
  });
});

test('a definition that is nested without end keeps no other tool out, also when the list comes again', () => {
  const { catalogue } = catalogueOf([]);
  const deep = {
    ...definition('deep'),
    _meta: { a: JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`) as unknown },
  };
  catalogue.replace([deep]);
  catalogue.replace([deep, definition('other')]);
  expect(catalogue.entries.map(({ tool: { name } }) => name)).toEqual(['other']);
});
