'use strict';

// An MCP server on standard input and output whose tool `say` answers with the line that it is given, `"ID"` in it
// replaced by the id of the call.
const print = (message) => process.stdout.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);

function receive({ id, method, params }) {
  const answer = (result) => print({ jsonrpc: '2.0', id, result });
  if (method === 'initialize') {
    const { protocolVersion } = params;
    answer({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'verbatim', version: '1' } });
  } else if (method === 'tools/list') {
    answer({ tools: [{ name: 'say', inputSchema: { type: 'object' } }] });
  } else if (method === 'tools/call') {
    print(params.arguments.line.replace('"ID"', () => String(id)));
  } else if (id !== undefined) {
    answer({});
  }
}

let rest = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  for (const line of lines) receive(JSON.parse(line));
});
