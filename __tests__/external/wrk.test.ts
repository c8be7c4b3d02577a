import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { serving } from '../support/serve';

const run = promisify(execFile);
const root = path.join(__dirname, '../..');
const page = readFileSync(path.join(root, 'docs/benchmarks.md'), 'utf8');
const commands = [...page.matchAll(/^wrk .*$/gm)].map(([line]) => line);
const ADDRESS = 'http://127.0.0.1:8000/mcp/everything/echo';

const serve = serving(undefined, { cache: true });

it('docs/benchmarks.md has a command for each script', () => {
  expect(commands.map((command) => /(\w+)\.lua/.exec(command)?.[1])).toEqual(['same', 'distinct', 'mix']);
});

it.each(commands)('%s', async (command) => {
  const { mcpo, url } = await serve({
    servers: { everything: { command: process.execPath, args: [path.join(root, 'bench/servers/stdio.js')] } },
    access: { 'everything/*': 'read' },
  });
  expect(command).toContain(ADDRESS);
  const [program = '', ...args] = command
    .replace(ADDRESS, `${url}/everything/echo`)
    .replace('-d10s', '-d1s')
    .split(/ (?=(?:[^']*'[^']*')*[^']*$)/)
    .map((word) => word.replace(/^'|'$/g, ''));
  const { stdout } = await run(program, args, { cwd: root });
  const { requests, errors } = JSON.parse(/\{"requests".*\}/.exec(stdout)?.[0] ?? '{}') as Record<string, number>;
  expect(errors).toBe(0);
  expect(requests).toBeGreaterThan(100);
  const { hits, misses } = mcpo.cache.default.stats;
  const hitRate = hits / (hits + misses);
  if (command.includes('same.lua')) expect(hitRate).toBeGreaterThan(0.5);
  if (command.includes('distinct.lua')) expect(hits).toBe(0);
  if (command.includes('mix.lua')) expect(hitRate).toBeGreaterThan(0.4);
});
