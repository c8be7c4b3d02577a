'use strict';

// A real MCP server over streamable HTTP with sessions, in a process of its own. Tells its parent its address, and what it has
// seen when it is asked; `hold` answers when the parent says so.
const { randomUUID } = require('node:crypto');
const { createServer } = require('node:http');
const { Server } = require('@modelcontextprotocol/sdk/server/index.js');
const { StreamableHTTPServerTransport } = require('@modelcontextprotocol/sdk/server/streamableHttp.js');
const { CallToolRequestSchema, ListToolsRequestSchema } = require('@modelcontextprotocol/sdk/types.js');

const sessions = new Map();
/** How often each tool has run, by the credentials it was called with: `tool credentials`. */
const runs = {};
/** Handshakes, by credentials; those refused included. */
const handshakes = {};
let mostSessions = 0;
let sockets = 0;
const held = [];

const nobody = 'nobody';
const text = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });
const count = (counts, name) => (counts[name] = (counts[name] ?? 0) + 1);

const tools = {
  /** Answers with the credentials it was called with. */
  who: { run: (seen) => seen },
  /** The same, of which answers are kept. */
  'who-read': { run: (seen) => seen, annotations: { readOnlyHint: true } },
  hold: { run: (seen) => new Promise((resolve) => held.push(() => resolve(seen))) },
  echo: { run: (_seen, args) => args },
};

function makeServer() {
  const server = new Server({ name: 'streamable', version: '1' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(tools).map(([name, { annotations }]) => ({
      name,
      inputSchema: { type: 'object' },
      annotations,
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { requestInfo, sessionId }) => {
    const who = requestInfo.headers.authorization ?? nobody;
    count(runs, `${params.name} ${who}`);
    return text(await tools[params.name].run({ who, session: sessionId, ...params.arguments }, params.arguments));
  });
  return server;
}

async function open(req, res) {
  const who = req.headers.authorization ?? nobody;
  count(handshakes, who);
  if (who === 'Bearer refused') {
    res.writeHead(401).end();
    return undefined;
  }
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized(id) {
      sessions.set(id, transport);
      mostSessions = Math.max(mostSessions, sessions.size);
    },
    onsessionclosed: (id) => sessions.delete(id),
  });
  await makeServer().connect(transport);
  return transport;
}

const http = createServer(async (req, res) => {
  const id = req.headers['mcp-session-id'];
  const transport = id === undefined ? await open(req, res) : sessions.get(id);
  if (transport) await transport.handleRequest(req, res);
  else if (!res.headersSent) res.writeHead(404).end();
});

http.on('connection', () => (sockets += 1));

process.on('message', (message) => {
  if (message === 'release') for (const release of held.splice(0)) release();
  process.send({ runs, handshakes, sockets, mostSessions, sessions: [...sessions.keys()], held: held.length });
});
process.once('disconnect', () => process.exit());
http.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${http.address().port}/mcp`));
