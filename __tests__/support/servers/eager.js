'use strict';
// An MCP server over stdio that announces a change of its tools after each list of them: of the same tools, or of others.
const { Server } = require('@modelcontextprotocol/sdk/server/index.js');
const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');
const { ListToolsRequestSchema } = require('@modelcontextprotocol/sdk/types.js');

const [, , which] = process.argv;
const TOOLS = 50;
const server = new Server({ name: 'eager', version: '1' }, { capabilities: { tools: { listChanged: true } } });
const inputSchema = {
  type: 'object',
  properties: { text: { type: 'string' }, list: { type: 'array', items: { type: 'integer' } } },
};
let lists = 0;

server.setRequestHandler(ListToolsRequestSchema, () => {
  lists += 1;
  setImmediate(() => void server.sendToolListChanged());
  const description = which === 'others' ? `the list number ${lists}` : 'the same again';
  return { tools: Array.from({ length: TOOLS }, (_, n) => ({ name: `tool-${n}`, description, inputSchema })) };
});
void server.connect(new StdioServerTransport());
