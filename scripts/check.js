'use strict';

// Runs the checks of a tier, some at the same time; what each prints comes in one piece when it has ended. Those of a lane
// run one after the other, all of them, whether or not one fails.
const { spawn } = require('node:child_process');

const LANES = {
  quick: [
    ['check:quick-tests'],
    ['check:lint', 'check:format'],
    ['check:types', 'check:unused', 'check:imports', 'check:build'],
  ],
  all: [['check:all-tests', 'check:package', 'check:licences', 'check:audit']],
};

function run(script) {
  const began = performance.now();
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32',
    });
    const output = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
    child.on('close', (code) => {
      const seconds = ((performance.now() - began) / 1_000).toFixed(0);
      process.stdout.write(Buffer.concat(output));
      console.log(`--- npm run ${script}: ${code === 0 ? 'passed' : 'FAILED'} after ${seconds} s`);
      resolve({ script, failed: code !== 0 });
    });
  });
}

async function lane(scripts) {
  const ended = [];
  for (const script of scripts) ended.push(await run(script));
  return ended;
}

async function main(tier) {
  const ended = (await Promise.all(LANES[tier].map(lane))).flat();
  const failed = ended.filter((each) => each.failed).map(({ script }) => script);
  console.log(
    failed.length === 0 ? `${tier}: all ${ended.length} checks passed` : `${tier}: FAILED: ${failed.join(', ')}`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
}

if (require.main === module) void main(process.argv[2] ?? 'quick');
module.exports = { LANES };
