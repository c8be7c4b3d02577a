'use strict';
// An MCP server on standard input and output: node stdio.js [how many tools more]
const { mcpServer } = require('./tools');

const answer = mcpServer(Number(process.argv[2] ?? 0));
let rest = '';
process.stdin
  .on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      void answer(JSON.parse(line)).then((reply) => {
        if (reply) process.stdout.write(`${JSON.stringify(reply)}\n`);
      });
    }
  })
  .on('end', () => process.exit());
process.stdout.on('error', () => process.exit());
process.stdin.setEncoding('utf8');
