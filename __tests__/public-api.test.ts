import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import * as api from '../lib';
import * as parts from '../lib/parts';

const lib = path.join(__dirname, '../lib');

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
  const program = ts.createProgram([path.join(lib, file)], { strict: true, skipLibCheck: true, noEmit: true });
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
