'use strict';
// The ledger server over streamable HTTP, with sessions. Says its port when it listens; at SIGUSR2 it forgets all
// sessions, and says how many.
const { randomUUID } = require('node:crypto');
const { appendFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { Server } = require('@modelcontextprotocol/sdk/server/index.js');
const { StreamableHTTPServerTransport } = require('@modelcontextprotocol/sdk/server/streamableHttp.js');
const { CallToolRequestSchema, ListToolsRequestSchema } = require('@modelcontextprotocol/sdk/types.js');

const [, , ledger, port = '0'] = process.argv;
const inputSchema = { type: 'object', additionalProperties: true };
const tools = [
  { name: 'read', inputSchema, annotations: { readOnlyHint: true } },
  { name: 'write', inputSchema },
];
const sessions = new Map();

function makeServer() {
  const server = new Server({ name: 'http-ledger', version: '1' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const { op, delayMs = 0 } = params.arguments;
    const note = (event) =>
      appendFileSync(ledger, `${JSON.stringify({ event, name: params.name, op, execution: String(process.pid) })}\n`);
    note('begin');
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    note('end');
    return { content: [{ type: 'text', text: op }] };
  });
  return server;
}

async function open() {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, transport),
    onsessionclosed: (id) => sessions.delete(id),
  });
  await makeServer().connect(transport);
  return transport;
}

const http = createServer(async (req, res) => {
  const id = req.headers['mcp-session-id'];
  const transport = id === undefined ? await open() : sessions.get(id);
  if (transport) await transport.handleRequest(req, res);
  else res.writeHead(404).end();
});

process.on('SIGUSR2', () => {
  const { size } = sessions;
  sessions.clear();
  console.log(size);
});
http.listen(Number(port), '127.0.0.1', () => console.log(http.address().port));
