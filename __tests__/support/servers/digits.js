'use strict';

// An MCP server by hand that never parses a number: its tools `echo` (reads) and `write` answer with the very text of their
// arguments, as text and as structured content; `say` answers with the text that it is given as its result. In a process of
// its own it speaks over standard input and output.
const TOOLS = [
  { name: 'echo', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true, idempotentHint: true } },
  { name: 'write', inputSchema: { type: 'object' } },
  { name: 'say', inputSchema: { type: 'object' } },
  {
    name: 'bounded',
    inputSchema: {
      type: 'object',
      properties: {
        max: { type: 'integer', maximum: 9007199254740992 },
        below: { exclusiveMaximum: 9007199254740992 },
        min: { minimum: -9007199254740992 },
        whole: { type: 'integer' },
        even: { multipleOf: 2 },
        cents: { multipleOf: 0.01 },
        const: { const: 9007199254740992 },
        enum: { enum: [1, 2] },
        set: { uniqueItems: true },
        nested: { anyOf: [{ type: 'string' }, { maximum: 9007199254740992 }] },
        text: { type: 'string' },
        object: { type: 'object' },
      },
    },
  },
];

/** The answer to a JSON-RPC message, both as text; `undefined` to a notification. */
function answerTo(text) {
  const { id, method, params } = JSON.parse(text);
  if (id === undefined) return undefined;
  const answer = (result) => `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
  if (method === 'initialize') {
    const { protocolVersion } = params;
    const serverInfo = { name: 'digits', version: '1' };
    return answer(JSON.stringify({ protocolVersion, capabilities: { tools: {} }, serverInfo }));
  }
  if (method === 'tools/list') return answer(JSON.stringify({ tools: TOOLS }));
  if (method !== 'tools/call') return answer('{}');
  if (params.name === 'say') return params.arguments.line?.replace('ID', () => id) ?? answer(params.arguments.result);
  const args = text.slice(text.indexOf('"arguments":') + 12, text.lastIndexOf(',"_meta"'));
  return answer(`{"content":[{"type":"text","text":${JSON.stringify(args)}}],"structuredContent":${args}}`);
}

module.exports = { answerTo, TOOLS };

if (require.main === module) {
  let rest = '';
  process.stdin.setEncoding('utf8').on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const answer = answerTo(line);
      if (answer !== undefined) process.stdout.write(`${answer}\n`);
    }
  });
}
