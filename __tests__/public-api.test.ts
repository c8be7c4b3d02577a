import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import * as api from '../lib';
import * as parts from '../lib/parts';

const lib = path.join(__dirname, '../lib');

const ENTRIES = ['index.ts', 'parts/index.ts', 'redis/index.ts', 'cache/store-contract.ts'];
let program: ts.Program;
beforeAll(() => {
  const files = ENTRIES.map((file) => path.join(lib, file));
  program = ts.createProgram(files, { strict: true, skipLibCheck: true, noEmit: true });
});

it('has exactly these names at run time', () => {
  expect(Object.keys(api).sort()).toEqual([
    'Answer',
    'ConfigError',
    'ERROR_CODES',
    'JsonNumber',
    'McpoError',
    'concurrencyLimit',
    'isMcpoError',
    'mcpoRouter',
    'requestMetrics',
  ]);
  expect(Object.keys(parts).sort()).toEqual([
    'CacheManager',
    'ConcurrencyLimiter',
    'ConnectionPool',
    'MemoryStore',
    'PerformanceMonitor',
    'PoolManager',
    'RequestDeduplicator',
    'Retrier',
    'SmartCache',
  ]);
});

it.each(['index.ts', 'parts/index.ts'])('lib/%s documents every name and every member of an interface', (file) => {
  const checker = program.getTypeChecker();
  const index = program.getSourceFile(path.join(lib, file));
  const module = index && checker.getSymbolAtLocation(index);
  if (!module) throw new Error(`lib/${file} exports nothing`);

  const undocumented: string[] = [];
  const isDocumented = (symbol: ts.Symbol): boolean => symbol.getDocumentationComment(checker).length > 0;
  for (const exported of checker.getExportsOfModule(module)) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    if (!isDocumented(symbol)) undocumented.push(symbol.name);
    if (!(symbol.flags & ts.SymbolFlags.Interface)) continue;
    symbol.members?.forEach((member) => {
      if (member.flags & ts.SymbolFlags.TypeParameter) return;
      // Data that describes itself: problem details are documented by their RFC.
      if (!isDocumented(member) && symbol.name !== 'Problem') undocumented.push(`${symbol.name}.${member.name}`);
    });
  }
  expect(undocumented).toEqual([]);
});

it.each(ENTRIES)('lib/%s exports every type of its signatures', (file) => {
  const entries = [file, 'index.ts'].map((each) => path.join(lib, each));
  const checker = program.getTypeChecker();
  const resolved = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const exportsOf = (entry: string): ts.Symbol[] => {
    const source = program.getSourceFile(entry);
    const module = source && checker.getSymbolAtLocation(source);
    return module ? checker.getExportsOfModule(module).map(resolved) : [];
  };
  const exported = new Set(entries.flatMap(exportsOf));
  const missing = new Set<string>();
  const isHidden = (node: ts.Node): boolean =>
    ts.isPrivateIdentifier((node as ts.NamedDeclaration).name ?? node) ||
    ts.getJSDocTags(node).some((tag) => tag.tagName.text === 'internal') ||
    (ts.canHaveModifiers(node) &&
      (ts.getModifiers(node)?.some((modifier) => modifier.kind === ts.SyntaxKind.PrivateKeyword) ?? false));
  function visit(node: ts.Node, of: string): void {
    if (ts.isBlock(node) || isHidden(node)) return;
    // The value of a property or constant is no part of its signature.
    if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
      const symbol = checker.getSymbolAtLocation(ts.isTypeReferenceNode(node) ? node.typeName : node.expression);
      const type = symbol && resolved(symbol);
      const isOwn = type?.declarations?.some(({ parent }) => {
        const source = parent.getSourceFile().fileName;
        return ts.isSourceFile(parent) && source.startsWith(lib);
      });
      if (type && isOwn && !exported.has(type)) missing.add(`${of}: ${type.name}`);
    }
    ts.forEachChild(node, (child) => {
      if (child !== (node as ts.HasInitializer).initializer) visit(child, of);
    });
  }
  for (const symbol of exportsOf(path.join(lib, file))) {
    for (const declaration of symbol.declarations ?? []) visit(declaration, symbol.name);
  }
  expect([...missing]).toEqual([]);
});

it('gives promises to those who drop results', () => {
  const drop = (cache: parts.CacheManager | parts.SmartCache): Promise<void>[] => [
    cache.invalidate('x'),
    cache.clear(),
    cache.close(),
  ];
  expect(typeof drop).toBe('function');
});

describe('the sources', () => {
  const files = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  it.each(files)('of lib/%s switch no check off', (file) => {
    const source = readFileSync(path.join(lib, file), 'utf8');
    expect(source).not.toMatch(/eslint-disable|@ts-ignore|@ts-nocheck/);
    expect(source).not.toMatch(/^export default|^export \*/m);
  });

  it('stand in ARCHITECTURE.md by their folders', () => {
    const architecture = readFileSync(path.join(__dirname, '../ARCHITECTURE.md'), 'utf8');
    const folders = new Set(files.filter((file) => file.includes('/')).map((file) => path.dirname(file)));
    const missing = [...folders].filter((folder) => !architecture.includes(`lib/${folder}/`));
    expect(missing).toEqual([]);
  });
});
