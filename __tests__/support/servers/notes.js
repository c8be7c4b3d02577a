'use strict';

// A real MCP server over stdio that keeps its notes in memory, and takes a moment for each.
const { Server } = require('@modelcontextprotocol/sdk/server/index.js');
const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');
const { CallToolRequestSchema, ListToolsRequestSchema } = require('@modelcontextprotocol/sdk/types.js');

const notes = [];
const still = new Int32Array(new SharedArrayBuffer(4));
const tools = {
  add: ({ note }) => {
    Atomics.wait(still, 0, 0, 30);
    notes.push(note);
  },
  list: () => undefined,
};

const server = new Server({ name: 'notes', version: '1' }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })),
}));
server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
  tools[params.name](params.arguments);
  return { content: [{ type: 'text', text: JSON.stringify(notes) }] };
});
void server.connect(new StdioServerTransport());
