import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import * as ts from 'typescript';
import { type McpoRouter, mcpoRouter } from '../lib';
import { hostileTools } from './support/hostile-tools';
import { type Mounted, inExpress5 } from './support/hosts';
import { Lab, text } from './support/lab';
import { silent } from './support/loggers';

const ROOT = path.join(__dirname, '..');

const CLIENT = `
import createClient from 'openapi-fetch';
import type { components, paths } from './api';

export async function run(baseUrl: string) {
  const client = createClient<paths>({ baseUrl, headers: { Authorization: 'Bearer secret' } });
  const sum = await client.POST('/lab/add', { body: { a: 1, b: 2, unit: 'kg', tree: { children: [{ children: [] }] } } });
  const total: number | undefined = sum.data?.echo.a;
  const wrong = await client.POST('/lab/add', { body: { a: -1, b: 2 } });
  const problem: components['schemas']['Problem'] | undefined = wrong.error;
  const ping = await client.POST('/lab/ping');
  // @ts-expect-error a required argument is missing
  await client.POST('/lab/add', { body: { a: 1 } });
  // @ts-expect-error not one of the enum
  await client.POST('/lab/add', { body: { a: 1, b: 1, unit: 'inch' } });
  // @ts-expect-error no such tool
  await client.POST('/lab/gone', {});
  return { total, status: problem?.status, ping: ping.response.status };
}
`;

const NUMBER = { type: 'number', minimum: 0 };
const lab = new Lab()
  .tool('add', ({ args }) => ({ content: [], structuredContent: { echo: args } }), {
    inputSchema: {
      type: 'object',
      properties: { a: NUMBER, b: NUMBER, unit: { enum: ['kg', 'm'] }, tree: { $ref: '#/$defs/Tree' } },
      required: ['a', 'b'],
      $defs: { Tree: { type: 'object', properties: { children: { type: 'array', items: { $ref: '#/$defs/Tree' } } } } },
    },
    outputSchema: {
      type: 'object',
      properties: { echo: { type: 'object', properties: { a: NUMBER }, required: ['a'] } },
      required: ['echo'],
    },
  })
  .tool('ping', () => text('pong'), { inputSchema: { type: 'object' } });
const hostile = new Lab();
// openapi-typescript 7 decodes a path twice, which 100%25 does not survive.
for (const { name, path: at, definition } of hostileTools('hostile', 5)) {
  if (!at.endsWith('%25')) hostile.tool(name, () => text('reached'), definition);
}
let mcpo: McpoRouter;
let mounted: Mounted;
let directory = '';
let base = '';

beforeAll(async () => {
  mcpo = mcpoRouter({
    servers: { lab: { connect: lab.connect }, hostile: { connect: hostile.connect } },
    apiKey: 'secret',
    logger: silent,
  });
  await mcpo.ready();
  mounted = await inExpress5.mount(mcpo);
  base = mounted.url;
  // Below the package root, so that the generated client finds openapi-fetch.
  await mkdir(path.join(ROOT, '.tmp'), { recursive: true });
  directory = await mkdtemp(path.join(ROOT, '.tmp/client-'));
});
afterAll(async () => {
  await mcpo.close();
  await mounted.close();
  await rm(directory, { recursive: true, force: true });
});

test('a client generated from the live description compiles, refuses misuse and runs', async () => {
  const cli = path.join(path.dirname(require.resolve('openapi-typescript/package.json')), 'bin/cli.js');
  const api = path.join(directory, 'api.ts');
  const document = path.join(directory, 'openapi.json');
  const headers = { Authorization: 'Bearer secret' };
  await writeFile(document, await (await fetch(`${base}/openapi.json`, { headers })).text());
  await promisify(execFile)(process.execPath, [cli, document, '-o', api], { cwd: directory });
  const source = path.join(directory, 'client.ts');
  await writeFile(source, CLIENT);

  const options: ts.CompilerOptions = {
    strict: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    esModuleInterop: true,
    skipLibCheck: true,
    types: ['node'],
  };
  const program = ts.createProgram([source, api], options);
  const errors = ts.getPreEmitDiagnostics(program).map(({ messageText, file, start: at }) => {
    return `${path.basename(file?.fileName ?? '')}:${String(at)} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
  expect(errors).toEqual([]);
  program.emit();

  const script = 'require("./client.js").run(process.argv[1]).then((r) => console.log(JSON.stringify(r)))';
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, base], { cwd: directory });
  expect(JSON.parse(stdout)).toEqual({ total: 1, status: 422, ping: 200 });
  expect([...lab.runs]).toEqual([
    ['add', 1],
    ['ping', 1],
  ]);
}, 120_000);
