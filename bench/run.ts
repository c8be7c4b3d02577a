import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { chart } from './chart';
import { ROUNDS, SECONDS, compare } from './compare';
import { generator } from './load';
import { type Report, isMet, table, verdicts } from './report';
import type { Scenario } from './scenario';
import { SCENARIOS } from './scenarios';
import { withSummary } from './summary';

const ROOT = join(__dirname, '..', '..');
const RESULTS = join(ROOT, 'bench', 'results');

async function run(name: string, scenario: Scenario): Promise<Report> {
  console.log(`\n## ${scenario.title} (npm run bench -- ${name})\n`);
  const result = 'run' in scenario ? await scenario.run() : await compare(scenario);
  if (result.rows.length > 0) console.log(`${table(result.rows)}\n`);
  for (const one of result.missing) console.log(`missing here: ${one} (npm run bench:setup)\n`);
  console.log(verdicts(result.findings));
  return { title: scenario.title, date: new Date().toISOString().slice(0, 10), machine: machine(), ...result };
}

function machine(): string {
  const [cpu] = cpus();
  const versions = ['express', '@modelcontextprotocol/sdk'].map((name) => {
    const text = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
    return `${name} ${(JSON.parse(text) as { version: string }).version}`;
  });
  const hardware = `${cpus().length} x ${cpu?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  return [
    hardware,
    `Node ${process.versions.node}`,
    ...versions,
    `load by ${generator}`,
    `medians of ${ROUNDS} rounds of ${SECONDS} s`,
  ].join('; ');
}

/** Chart and table of the documents tell what was measured last of each. */
function publish(): void {
  const reports = new Map(
    Object.keys(SCENARIOS).flatMap((name) => {
      const file = join(RESULTS, `${name}.json`);
      return existsSync(file) ? [[name, JSON.parse(readFileSync(file, 'utf8')) as Report]] : [];
    }),
  );
  writeFileSync(join(ROOT, 'docs', 'images', 'bench.svg'), chart(reports));
  const page = join(ROOT, 'docs/benchmarks.md');
  writeFileSync(page, withSummary(readFileSync(page, 'utf8'), [...reports.values()]));
}

async function main(names: readonly string[]): Promise<void> {
  for (const name of names)
    if (!SCENARIOS[name]) throw new Error(`no benchmark ${name}: ${Object.keys(SCENARIOS).join(', ')}`);
  mkdirSync(RESULTS, { recursive: true });
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const report = await run(name, scenario);
    writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(report, undefined, 2)}\n`);
    if (!report.findings.every(isMet)) process.exitCode = 1;
  }
  publish();
}

void main(process.argv.slice(2));
