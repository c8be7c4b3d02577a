'use strict';
// An MCP server over streamable HTTP that answers in JSON, without sessions; it tells its parent the port.
const { createServer } = require('node:http');
const { mcpServer } = require('./tools');

const answer = mcpServer();
const server = createServer((req, res) => {
  if (req.method !== 'POST') {
    res.writeHead(405).end();
    return;
  }
  let body = '';
  req.setEncoding('utf8');
  req.on('data', (chunk) => (body += chunk));
  req.on('end', async () => {
    const reply = await answer(JSON.parse(body));
    if (reply === undefined) res.writeHead(202).end();
    else {
      const json = JSON.stringify(reply);
      res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(json) }).end(json);
    }
  });
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.once('disconnect', () => process.exit());
