import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.join(__dirname, '..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  readonly name: string;
  readonly scripts: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, { readonly optional?: boolean }>;
};

interface Block {
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

const blocks: Block[] = [...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((match) => ({
  line: readme.slice(0, match.index).split('\n').length,
  language: match[1] ?? '',
  code: match[2] ?? '',
}));

it('has no code block that nothing checks', () => {
  expect([...new Set(blocks.map((block) => block.language))].sort()).toEqual(['sh', 'ts']);
});

it('has TypeScript that compiles against the sources', () => {
  const examples = new Map(
    blocks
      .filter((block) => block.language === 'ts')
      .map((block) => [path.join(root, `readme-line-${block.line}.mts`), block.code]),
  );
  expect(examples.size).toBeGreaterThan(3);
  const options: ts.CompilerOptions = {
    ...ts.convertCompilerOptionsFromJson(
      (
        ts.readConfigFile(path.join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file)).config as {
          compilerOptions: object;
        }
      ).compilerOptions,
      root,
    ).options,
    noEmit: true,
  };
  const host = ts.createCompilerHost(options);
  const original = { ...host };
  host.fileExists = (file) => examples.has(file) || original.fileExists(file);
  host.readFile = (file) => examples.get(file) ?? original.readFile(file);
  host.getSourceFile = (file, version, ...rest) => {
    const code = examples.get(file);
    return code === undefined
      ? original.getSourceFile(file, version, ...rest)
      : ts.createSourceFile(file, code, version, true);
  };
  const program = ts.createProgram([...examples.keys()], options, host);
  const errors = ts
    .getPreEmitDiagnostics(program)
    .map(
      (error) =>
        `${path.basename(error.file?.fileName ?? '')}: ${ts.flattenDiagnosticMessageText(error.messageText, '\n')}`,
    );
  expect(errors).toEqual([]);
}, 60_000);

describe('its commands', () => {
  const lines = blocks.filter((block) => block.language === 'sh').flatMap((block) => block.code.trim().split('\n'));

  it.each(lines)('%s', (line) => {
    if (line.startsWith('npm ci && npm ')) {
      expect(Object.keys(manifest.scripts)).toContain(line.slice('npm ci && npm '.length));
    } else if (line.startsWith('npm install ')) {
      const needed = Object.keys(manifest.peerDependencies).filter(
        (name) => manifest.peerDependenciesMeta[name]?.optional !== true,
      );
      expect(line.split(' ').slice(2).sort()).toEqual([manifest.name, ...needed].sort());
    } else if (line.startsWith('wrk ')) {
      // They are run where wrk is installed: external/wrk.test.ts.
      expect(existsSync(path.join(root, /-s (\S+)/.exec(line)?.[1] ?? ''))).toBe(true);
    } else {
      // The quickstart prints the same calls, and its test runs them.
      const example = readFileSync(path.join(root, 'examples/quickstart/server.ts'), 'utf8');
      expect(example.replaceAll('${url}', 'http://127.0.0.1:8000')).toContain(line);
    }
  });
});
