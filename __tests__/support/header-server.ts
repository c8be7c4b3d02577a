import { randomUUID } from 'node:crypto';
import express from 'express';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { type Mounted, listen } from './hosts';

function makeServer(): Server {
  const server = new Server({ name: 'headers', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: 'headers', inputSchema: { type: 'object' as const } }],
  }));
  server.setRequestHandler(CallToolRequestSchema, (_request, extra) => ({
    content: [{ type: 'text', text: JSON.stringify({ session: extra.sessionId, ...extra.requestInfo?.headers }) }],
  }));
  return server;
}

/** A real MCP server over streamable HTTP at `/mcp` and SSE at `/sse`, whose one tool answers with the headers of its request. */
export async function headerServer(): Promise<Mounted> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const streams = new Map<string, SSEServerTransport>();
  const app = express();
  app.use(express.json());
  app.all('/mcp', async (req, res) => {
    const id = req.headers['mcp-session-id'];
    let transport = typeof id === 'string' ? sessions.get(id) : undefined;
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (session) => void sessions.set(session, transport as StreamableHTTPServerTransport),
      });
      await makeServer().connect(transport);
    }
    await transport.handleRequest(req, res, req.body);
  });
  app.get('/sse', async (_req, res) => {
    const transport = new SSEServerTransport('/messages', res);
    streams.set(transport.sessionId, transport);
    await makeServer().connect(transport);
  });
  app.post('/messages', async (req, res) => {
    const { sessionId } = req.query;
    await streams.get(typeof sessionId === 'string' ? sessionId : '')?.handlePostMessage(req, res, req.body);
  });
  return listen(app);
}
