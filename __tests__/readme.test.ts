import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import ts from 'typescript';
import { DOCUMENTS } from './support/documents';
import { NEEDS_REDIS, runBlock } from './support/run-block';

const root = path.join(__dirname, '..');
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');
const manifest = JSON.parse(read('package.json')) as {
  readonly name: string;
  readonly scripts: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, { readonly optional?: boolean }>;
};
const programs = DOCUMENTS.map((document) => ({
  ...document,
  blocks: document.blocks.filter(({ language }) => language === 'ts'),
})).filter(({ blocks }) => blocks.length > 0);

it('no code block is one that nothing checks', () => {
  const languages = DOCUMENTS.flatMap(({ name, blocks }) => blocks.map(({ language }) => `${language} in ${name}`));
  expect(languages.filter((one) => !/^(?:sh|ts) in |^mermaid in ARCHITECTURE/.test(one))).toEqual([]);
});

it('the README has at most 250 lines, and every page a link from it and a first sentence that says what it is for', () => {
  const readme = read('README.md');
  expect(readme.split('\n').length).toBeLessThanOrEqual(250);
  const pages = DOCUMENTS.filter(({ name }) => name.startsWith('docs/'));
  expect(pages.filter(({ name }) => !readme.includes(`](${name})`)).map(({ name }) => name)).toEqual([]);
  const written = pages.filter(({ name }) => !/faults|licences|troubleshooting/.test(name));
  expect(written.filter(({ text }) => !/^# .+\n\nThis page /.test(text)).map(({ name }) => name)).toEqual([]);
});

it('every link to a file or a heading leads somewhere', () => {
  const headings = new Map(
    DOCUMENTS.map(({ name, text }) => [
      name,
      [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
          .replaceAll(' ', '-'),
      ),
    ]),
  );
  const broken = DOCUMENTS.flatMap(({ name, text }) =>
    [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
      .filter(([, file = '', anchor]) => {
        const target = file === '' ? name : path.join(path.dirname(name), file);
        const page = existsSync(path.join(root, target, 'README.md')) ? path.join(target, 'README.md') : target;
        return !existsSync(path.join(root, target)) || (anchor && !headings.get(page)?.includes(anchor));
      })
      .map(([link]) => `${name}: ${link}`),
  );
  expect(broken).toEqual([]);
});

it('TypeScript compiles against the sources', () => {
  const examples = new Map(
    programs.flatMap(({ name, blocks }) =>
      blocks.map(({ line, code }) => [path.join(root, `${name.replaceAll('/', '-')}-line-${line}.mts`), code] as const),
    ),
  );
  expect(examples.size).toBeGreaterThan(30);
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

describe('the programs', () => {
  let mcp: ChildProcess;
  let echo: net.Server;
  let mcpUrl: string;

  beforeAll(async () => {
    mcp = fork(path.join(root, 'bench/servers/http.js'), { silent: true });
    const [{ port }] = (await once(mcp, 'message')) as [{ port: number }];
    mcpUrl = `http://127.0.0.1:${port}/mcp`;
    echo = net.createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await once(echo, 'listening');
  });
  afterAll(() => {
    mcp.disconnect();
    echo.close();
  });

  // Those that need a Redis are compiled above.
  const runnable = programs.flatMap(({ name, blocks }) =>
    blocks.filter(({ code }) => !NEEDS_REDIS.test(code)).map((block) => ({ name, ...block })),
  );
  it.each(runnable)('$name: line $line runs', async ({ code }) => {
    await runBlock(code, { mcpUrl, echoPort: (echo.address() as AddressInfo).port });
  });
});

describe('the commands', () => {
  const lines = DOCUMENTS.flatMap(({ name, blocks }) =>
    blocks
      .filter(({ language }) => language === 'sh')
      .flatMap(({ code }) => code.trim().split('\n'))
      .map((line) => ({ name, line: line.replace(/ +# .*$/, '') })),
  );

  it('of the README begin with the two of a fresh clone', () => {
    const own = lines.filter(({ name, line }) => name === 'README.md' && line.startsWith('npm ci'));
    expect(own.map(({ line }) => line)).toEqual(['npm ci && npm start', 'npm ci && npm test']);
  });

  it.each(lines)('$name: $line', ({ name, line }) => {
    const script = /npm (?:run )?(start|test|build)(?: |$)/.exec(line)?.[1];
    if (line.startsWith('npm ci && npm ')) {
      expect(Object.keys(manifest.scripts)).toContain(script);
    } else if (line.startsWith('npm install ')) {
      const needed = Object.keys(manifest.peerDependencies).filter(
        (peer) => manifest.peerDependenciesMeta[peer]?.optional !== true,
      );
      expect(line.split(' ').slice(2).sort()).toEqual([manifest.name, ...needed].sort());
    } else if (line.startsWith('wrk ')) {
      // They are run where wrk is installed: external/wrk.test.ts.
      expect(existsSync(path.join(root, /-s (\S+)/.exec(line)?.[1] ?? ''))).toBe(true);
    } else if (line.startsWith('npx ts-node --transpile-only ')) {
      // The tests of the examples run them.
      expect(existsSync(path.join(root, line.split(' ')[3] ?? ''))).toBe(true);
    } else if (/^prom(?:etheus|tool) /.test(line)) {
      // external/prometheus.test.ts runs them.
      for (const file of line.match(/[\w/-]+\.yml/g) ?? [])
        expect(existsSync(path.join(root, path.dirname(name), file))).toBe(true);
    } else {
      execFileSync('bash', ['-n', '-c', line]);
      expect(line).toMatch(/^curl .*http:\/\/127\.0\.0\.1:\d+\/(?:mcp\/|metrics)/);
      const tool = /-d '(\{.*\})'.*\/mcp\/(\S+)$/.exec(line);
      if (!tool || name !== 'README.md') return;
      // The quickstart prints the same calls, and its test runs them.
      const example = read('examples/quickstart/server.ts');
      expect(example.replaceAll('${url}', 'http://127.0.0.1:8000')).toContain(line);
    }
  });
});

describe('npm scripts', () => {
  const named = DOCUMENTS.flatMap(({ name, text }) =>
    name === 'CHANGELOG.md' ? [] : [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, script = '']) => script),
  );
  it.each([...new Set(named)])('npm run %s is there', (script) => {
    expect(Object.keys(manifest.scripts)).toContain(script);
  });
});
