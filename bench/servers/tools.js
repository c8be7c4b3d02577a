'use strict';
// The tools of the benchmarks' MCP servers, written without the SDK so that the servers are never what is measured.

const object = (properties) => ({ type: 'object', properties, required: Object.keys(properties) });
const message = object({ message: { type: 'string' } });
const pause = object({ message: { type: 'string' }, ms: { type: 'integer', minimum: 0 } });
const readOnly = { annotations: { readOnlyHint: true } };

/** Blocks the whole process without using the processor, as a call into a driver does. */
const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const tools = {
  // Nothing is known of it, so it counts as writing.
  echo: { inputSchema: message, run: ({ message }) => message },
  read: { inputSchema: message, ...readOnly, run: ({ message }) => message },
  wait: { inputSchema: pause, ...readOnly, run: async ({ message, ms }) => (await wait(ms), message) },
  block: { inputSchema: pause, ...readOnly, run: ({ message, ms }) => (block(ms), message) },
};

/** @param more - tools beside those above: as many more, each with a schema of its own and the work of `read` */
function mcpServer(more = 0) {
  const all = new Map(Object.entries(tools));
  for (let n = 1; n <= more; n++) {
    all.set(`read_${n}`, { ...tools.read, inputSchema: { ...message, title: `arguments of tool ${n}` } });
  }
  const listed = [...all].map(([name, { run, ...tool }]) => ({ name, ...tool }));
  const executions = {};
  const methods = {
    initialize: ({ protocolVersion }) => ({
      protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: 'bench', version: '1.0.0' },
    }),
    'tools/list': () => ({ tools: listed }),
    'tools/call': async ({ name, arguments: args }) => {
      executions[name] = (executions[name] ?? 0) + 1;
      if (name === 'executions') return text(JSON.stringify(executions));
      return text(await all.get(name).run(args));
    },
    ping: () => ({}),
  };
  listed.push({ name: 'executions', inputSchema: { type: 'object' } });
  /** The answer to a message, `undefined` to a notification. */
  return async ({ id, method, params }) => {
    if (id === undefined) return undefined;
    return { jsonrpc: '2.0', id, result: await methods[method](params) };
  };
}

const text = (text) => ({ content: [{ type: 'text', text }] });

module.exports = { mcpServer };
