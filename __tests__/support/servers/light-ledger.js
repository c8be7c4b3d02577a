'use strict';
// The ledger server again, written by hand: without the SDK it is up in a fraction of the time, as children that are
// killed all the time should be. One line of JSON for the beginning and the end of each execution.
const { appendFileSync } = require('node:fs');
const { createInterface } = require('node:readline');

const [, , ledger] = process.argv;
const inputSchema = { type: 'object', additionalProperties: true };
const tools = [
  { name: 'read', inputSchema, annotations: { readOnlyHint: true } },
  { name: 'write', inputSchema },
];

const answer = (id, result) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);

const methods = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: 'light-ledger', version: '1' },
  }),
  'tools/list': () => ({ tools }),
  async 'tools/call'({ name, arguments: { op, delayMs } }) {
    const note = (event) =>
      appendFileSync(ledger, `${JSON.stringify({ event, name, op, execution: String(process.pid) })}\n`);
    note('begin');
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    note('end');
    return { content: [{ type: 'text', text: op }] };
  },
  ping: () => ({}),
};

createInterface(process.stdin)
  .on('line', async (line) => {
    const { id, method, params } = JSON.parse(line);
    if (id !== undefined) answer(id, await methods[method](params));
  })
  .on('close', () => process.exit());
