'use strict';

// Prints how many tests passed and failed in some runs of jest, by their JSON: a test that several runs have in them counts
// once for each version of Node, and as failed if it failed in one. A run that is missing or found no test is a failure.
const { existsSync, readFileSync } = require('node:fs');
const path = require('node:path');

const outcomes = new Map();
const note = (test, ok) => outcomes.set(test, ok && outcomes.get(test) !== false);

for (const file of process.argv.slice(2)) {
  const run = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  if (!run || run.numPassedTests === 0) note(`${file} is of no run`, false);
  const node = /node-\w+/.exec(path.basename(file))?.[0] ?? '';
  for (const { name, status, assertionResults } of run?.testResults ?? []) {
    // A suite that cannot be loaded has no test that failed.
    if (status === 'failed' && !assertionResults.some((each) => each.status === 'failed'))
      note(`${node} ${name}`, false);
    const seen = new Map();
    for (const { fullName, status: outcome } of assertionResults) {
      const times = (seen.get(fullName) ?? 0) + 1;
      seen.set(fullName, times);
      // One that is skipped is no pass.
      note(`${node} ${name} ${fullName} ${times}`, outcome === 'passed');
    }
  }
}
const failed = [...outcomes].filter(([, ok]) => !ok).map(([test]) => test);
for (const test of failed) console.error(`failed: ${test}`);
// Checks that are no tests, by the name of each that failed.
const checks = (process.env.FAILED_CHECKS ?? '').split(' ').filter(Boolean);
for (const check of checks) console.error(`failed: ${check}`);
const total = failed.length === 0 ? checks.length : failed.length;
console.log(`${outcomes.size - failed.length} passed, ${total} failed`);
process.exitCode = total === 0 ? 0 : 1;
