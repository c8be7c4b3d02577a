'use strict';

// A real MCP server over stdio that reads its file, changes what it has read, and writes it back, as its writes overlap.
const { readFile, writeFile } = require('node:fs/promises');
const { Server } = require('@modelcontextprotocol/sdk/server/index.js');
const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');
const { CallToolRequestSchema, ListToolsRequestSchema } = require('@modelcontextprotocol/sdk/types.js');

const [, , file, name] = process.argv;
let reading = 0;
const tools = {
  async add({ note }) {
    const notes = JSON.parse(await readFile(file, 'utf8'));
    await new Promise((resolve) => setTimeout(resolve, 2));
    await writeFile(file, JSON.stringify([...notes, note]));
  },
  /** Answers when two calls of it run side by side. */
  async read() {
    reading++;
    while (reading < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  },
};

const server = new Server({ name, version: '1' }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: Object.keys(tools).map((tool) => ({
    name: tool,
    inputSchema: { type: 'object' },
    annotations: { readOnlyHint: tool === 'read' },
  })),
}));
server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
  await tools[params.name](params.arguments);
  return { content: [] };
});
void server.connect(new StdioServerTransport());
