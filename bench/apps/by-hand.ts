import { createServer } from 'node:http';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import express from 'express';
import { serve, settings } from './child';

/** What is written in an afternoon: Express, the SDK's client, one route. */
interface Settings {
  readonly command?: string;
  readonly args?: string[];
  readonly url?: string;
}

async function main({ command, args, url }: Settings): Promise<void> {
  const client = new Client({ name: 'by-hand', version: '1.0.0' });
  await client.connect(
    command === undefined
      ? new StreamableHTTPClientTransport(new URL(url ?? ''))
      : new StdioClientTransport({ command, ...(args && { args }) }),
  );
  const app = express();
  app.use(express.json());
  app.post('/mcp/bench/:tool', async (req, res) => {
    const result = await client.callTool({ name: req.params.tool, arguments: req.body as Record<string, unknown> });
    const [item] = result.content as { text: string }[];
    res.status(result.isError ? 500 : 200).json(item?.text);
  });
  serve(createServer(app));
}

void main(settings() as Settings);
