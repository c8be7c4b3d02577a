import { createServer } from 'node:http';
import express from 'express';
import { serve, settings } from './child';

/** The least that an Express route, or Node alone, can do with the same request. */
const { answer, inExpress } = settings() as { answer: string; inExpress: boolean };
const app = express();
app.use(express.json());
app.post('/mcp/bench/:tool', (_req, res) => {
  res.json(answer);
});
const body = JSON.stringify(answer);
const bare = createServer((req, res) => {
  let text = '';
  req.setEncoding('utf8');
  req.on('data', (chunk: string) => (text += chunk));
  req.on('end', () => {
    JSON.parse(text);
    res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }).end(body);
  });
});
serve(inExpress ? createServer(app) : bare);
