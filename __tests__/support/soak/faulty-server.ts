import type { ServerResponse } from 'node:http';
import { listen } from '../hosts';
import { text } from '../lab';
import { answer, byHand, sendJson } from '../mcp-http';

const tools: Readonly<Record<string, (res: ServerResponse, id: number) => unknown>> = {
  good: (res, id) => {
    sendJson(res, answer(id, text('good')));
  },
  reset: (res) => res.socket?.resetAndDestroy(),
  cut: (res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: {"jsonrpc":', () => res.destroy());
  },
  fail: (res) => res.writeHead(500).end('a page'),
  silent: () => undefined,
};

/** A server over streamable HTTP with a tool for each way to fail; its address. */
export async function faultyServer(): Promise<string> {
  const inputSchema = { type: 'object' };
  const { url } = await listen((req, res) => {
    void byHand(({ id = NaN, method, params }) => {
      const tool = tools[params?.name ?? ''];
      if (method === 'tools/list') {
        sendJson(res, answer(id, { tools: Object.keys(tools).map((name) => ({ name, inputSchema })) }));
      } else if (tool) tool(res, id);
      else sendJson(res, answer(id, {}));
    })(req, res);
  });
  return `${url}/mcp`;
}
