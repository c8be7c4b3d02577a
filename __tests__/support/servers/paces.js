'use strict';

// A real MCP server over stdio, with a tool for each way of taking time. Nothing is said of what the tools do.
const { Server } = require('@modelcontextprotocol/sdk/server/index.js');
const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');
const { CallToolRequestSchema, ListToolsRequestSchema } = require('@modelcontextprotocol/sdk/types.js');

const still = new Int32Array(new SharedArrayBuffer(4));
const tools = {
  /** Keeps its process from everything else, asleep. */
  block: (ms) => Atomics.wait(still, 0, 0, ms),
  /** Lets its process do other things meanwhile. */
  delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  fast: () => undefined,
};

const server = new Server({ name: 'paces', version: '1' }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })),
}));
server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
  await tools[params.name](params.arguments.ms);
  return { content: [{ type: 'text', text: String(process.pid) }] };
});
void server.connect(new StdioServerTransport());
