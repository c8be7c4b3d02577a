import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { mcpoRouter } from '../lib';

const root = path.join(__dirname, '..');
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');

it.each(['options', 'folders'])('what is written of the code is current: %s', (part) => {
  execFileSync(process.execPath, [path.join(root, 'scripts/docs.js'), '--check', part], { stdio: 'pipe' });
});

it('docs/options.md lists every environment variable, and no other', () => {
  const sources = readdirSync(path.join(root, 'lib/config')).map((name) => read(`lib/config/${name}`));
  const used = new Set(sources.flatMap((source) => source.match(/(?<=env\.|')MCPO_[A-Z_]+\b/g) ?? []));
  const listed = read('docs/options.md').match(/(?<=^\| `)MCPO_[A-Z_]+(?=` \|)/gm);
  expect([...(listed ?? [])].sort()).toEqual([...used].sort());
});

it('docs/observability.md lists every metric, and no other', async () => {
  const mcpo = mcpoRouter({ servers: {} });
  const names = mcpo.registry.getMetricsAsArray().map(({ name }) => name);
  await mcpo.close();
  const listed = read('docs/observability.md').match(/(?<=`)mcpo_\w+/g) ?? [];
  expect([...new Set(listed)].sort()).toEqual(names.sort());
});

it('ARCHITECTURE.md numbers its invariants one after the other', () => {
  const numbers = [...read('ARCHITECTURE.md').matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number));
  expect(numbers).toEqual(numbers.map((_number, index) => index + 1));
});
