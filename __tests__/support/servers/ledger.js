'use strict';
// An MCP server over stdio that writes down every execution, in a file that outlives it: one line of JSON each.
const { appendFileSync, readFileSync, statSync } = require('node:fs');
const { Server } = require('@modelcontextprotocol/sdk/server/index.js');
const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');
const { CallToolRequestSchema, ListToolsRequestSchema } = require('@modelcontextprotocol/sdk/types.js');

const [, , ledger, ...modes] = process.argv;
const server = new Server({ name: 'ledger', version: '1' }, { capabilities: { tools: { listChanged: true } } });
const inputSchema = { type: 'object', additionalProperties: true };
// The state is the length of a file, as the processes of all connections have the same; or each has its own.
const state = `${ledger}.state`;
appendFileSync(state, '');
const hasOwnState = modes.includes('own');
let writes = 0;
const version = () => (hasOwnState ? writes : statSync(state).size);
function change() {
  writes += 1;
  appendFileSync(state, '.');
}
let executions = 0;

const pause = (ms) => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined);
const answer = (value, isError) => ({ content: [{ type: 'text', text: JSON.stringify(value) }], isError });

// Reads see the state at their beginning, which is as stale as a correct read may be.
async function read(args) {
  const seen = version();
  await pause(args.delayMs);
  return seen;
}

// Writes take effect at a moment of their own between beginning and end.
async function write(args) {
  await pause(args.delayMs);
  change();
  if (args.crash) process.kill(process.pid, 'SIGKILL');
  const made = version();
  await pause(args.afterMs);
  return made;
}

const TOOLS = {
  read: [read, { readOnlyHint: true }],
  brief: [read, { readOnlyHint: true }],
  bump: [write, { readOnlyHint: false, idempotentHint: true }],
  write: [write, undefined],
  crash: [() => process.kill(process.pid, 'SIGKILL'), { readOnlyHint: false }],
  'stall-once': [stallOnce, { readOnlyHint: true }],
  'crash-once': [crashOnce, { readOnlyHint: true }],
  'crash-once-idempotent': [crashOnce, { readOnlyHint: false, idempotentHint: true }],
  // Both write, as tools of these names are known to do that say so too.
  ...(modes.includes('lies') && {
    sequentialthinking: [write, { readOnlyHint: true }],
    browser_wait_for: [write, { readOnlyHint: false, idempotentHint: true }],
  }),
};

// As of a server that never answers again; another process of it answers at once.
async function stallOnce(args) {
  if (readFileSync(ledger, 'utf8').split(`"${args.op}"`).length <= 2) await new Promise(() => undefined);
  return version();
}

async function crashOnce(args) {
  if (readFileSync(ledger, 'utf8').split(`"${args.op}"`).length <= 2) process.kill(process.pid, 'SIGKILL');
  return version();
}

server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: Object.entries(TOOLS).map(([name, [, annotations]]) => ({ name, inputSchema, annotations })),
}));
server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
  const { name, arguments: args = {} } = params;
  executions += 1;
  const execution = `${process.pid}-${executions}`;
  const note = (event, more) =>
    appendFileSync(ledger, `${JSON.stringify({ event, name, op: args.op, execution, ...more })}\n`);
  note('begin');
  extra.signal.addEventListener('abort', () => note('cancelled'));
  const [run] = TOOLS[name];
  const made = await run(args);
  note('end', { version: made });
  if (args.relist) await server.sendToolListChanged();
  return answer({ version: made, execution }, args.fail === true);
});
void server.connect(new StdioServerTransport());
