'use strict';

// Fails for a known vulnerability in what users install: runtime dependencies, peers and bundled files. Those of development
// alone are told. A registry that cannot be asked is told, too, and is no failure: it says nothing of the packages.
const { spawnSync } = require('node:child_process');
const { bundled, peers, runtime } = require('./dependencies');

const args = ['audit', '--json', '--package-lock-only'];
const { stdout } = spawnSync('npm', args, {
  encoding: 'utf8',
  maxBuffer: 2 ** 28,
  shell: process.platform === 'win32',
});

let report;
try {
  report = JSON.parse(stdout);
} catch {
  report = {};
}
const { vulnerabilities } = report;
if (vulnerabilities === undefined) {
  console.warn('audit: NOT DONE: the registry could not be asked for advisories');
} else {
  const shipped = new Set([...runtime, ...peers, ...bundled]);
  const found = Object.values(vulnerabilities);
  const ours = found.filter(({ nodes }) => nodes.some((node) => shipped.has(node)));
  for (const { name, severity, range } of ours)
    console.error(`audit: ${name} ${range} has a known vulnerability (${severity})`);
  console.log(
    `audit: ${ours.length} findings in what users install, ${found.length - ours.length} in development alone`,
  );
  if (ours.length > 0) process.exitCode = 1;
}
