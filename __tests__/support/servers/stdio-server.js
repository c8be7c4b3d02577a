'use strict';

// An MCP server on standard input and output that behaves as its arguments and the names of its tools say.
const { spawn } = require('node:child_process');
const { closeSync, writeSync } = require('node:fs');

const [modes = 'good', words = ''] = process.argv.slice(2);
const is = (mode) => modes.split(' ').includes(mode);
if (words !== '') process.stderr.write(words === 'pid' ? `pid ${process.pid}\n` : words);
if (is('chatty')) process.stdout.write('Ready!\n');
if (is('logs'))
  for (const id of [0, 1, 2]) process.stdout.write(`${JSON.stringify({ level: 30, id, error: null, msg: 'ready' })}\n`);
if (is('dies')) process.exit(3);
if (is('polite')) {
  process.on('SIGTERM', () => process.stderr.write('goodbye\n', () => process.exit()));
  setInterval(() => undefined, 1_000);
}
if (is('stubborn')) {
  process.on('SIGTERM', () => undefined);
  setInterval(() => undefined, 1_000);
}

const line = (message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
const print = (text) => process.stdout.write(text);
const answer = (id, text) => line({ id, result: { content: [{ type: 'text', text }] } });
const idle = 'process.on("SIGTERM", () => undefined); setInterval(() => undefined, 1000)';
const waiting = [];
let calls = 0;

/** Starts a process that never ends by itself; tells its id. */
function start(stdio, detached = false) {
  const child = spawn(process.execPath, ['-e', idle], { stdio, detached });
  child.unref();
  return String(child.pid);
}

const tools = {
  echo: (id, { text }) => print(answer(id, text)),
  pid: (id) => print(answer(id, String(process.pid))),
  env: (id) => print(answer(id, JSON.stringify(process.env))),
  cwd: (id) => print(answer(id, process.cwd())),
  /** How many calls have come so far. */
  calls: (id) => print(answer(id, String(calls))),
  hang: () => process.stderr.write('it hangs\n'),
  /** Answers a byte at a time. */
  async drip(id, { text }) {
    for (const byte of Buffer.from(answer(id, text))) {
      print(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
  },
  /** Answers when it has been called as often as is asked for, with one write for all. */
  together(id, { text, calls }) {
    waiting.push(answer(id, text));
    if (waiting.length === calls) print(waiting.splice(0).join(''));
  },
  /** Prints lines that are no messages, and the answer after them. */
  rubbish: (id, { lines }) => print(`${lines.join('\n')}\n${answer(id, 'after the rubbish')}`),
  /** Answers with a line that is given, its own id put in for `"ID"`. */
  verbatim: (id, { text }) => print(`${text.replaceAll('"ID"', String(id))}\n`),
  flood(id, { megabytes }) {
    const megabyte = `${'stderr '.repeat(2 ** 20 / 8)}\n`.padEnd(2 ** 20, '.');
    for (let written = 0; written < megabytes; written++) writeSync(2, megabyte);
    print(answer(id, 'flooded'));
  },
  /** Prints a line without an end until it is stopped. */
  endless() {
    const chunk = Buffer.alloc(2 ** 20, 'x');
    (function more() {
      process.stdout.write(chunk, more);
    })();
  },
  /** Answers if told to, and dies at once. */
  die(id, { length }) {
    process.stdout.write(length === undefined ? '' : answer(id, 'x'.repeat(length)), () => {
      process.kill(process.pid, 'SIGKILL');
    });
  },
  /** Dies if it is the process that is meant, else answers. */
  mortal: (id, { pid }) => (pid === process.pid ? process.kill(pid, 'SIGKILL') : print(answer(id, 'another'))),
  /** Answers after a while. */
  late: (id, { text, ms }) => setTimeout(() => print(answer(id, text)), ms),
  /** Prints the first half of its answer, and the second when there is one to come. */
  half(id, { dies }) {
    process.stdout.write(answer(id, 'half of it').slice(0, 40), () => {
      if (dies) process.kill(process.pid, 'SIGKILL');
    });
  },
  /** Answers with that many megabytes. */
  big: (id, { megabytes }) => print(answer(id, 'x'.repeat(megabytes * 2 ** 20))),
  /** Answers so, its id before the result or after it. */
  long(id, { megabytes, first }) {
    const result = { content: [{ type: 'text', text: 'x'.repeat(megabytes * 2 ** 20) }] };
    print(`${JSON.stringify(first ? { jsonrpc: '2.0', id, result } : { result, jsonrpc: '2.0', id })}\n`);
  },
  /** Prints a line so many times, and the answer after them. */
  burst(id, { text, times }) {
    for (let left = times; left > 0; left -= 1000) print(`${text}\n`.repeat(Math.min(left, 1000)));
    print(answer(id, 'after the burst'));
  },
  /** Is not run any more until somebody tells the system otherwise. */
  stop: () => process.kill(process.pid, 'SIGSTOP'),
  /** Closes its standard input and goes on. */
  deafen(id) {
    process.stdin.destroy();
    closeSync(0); // which Node leaves open
    print(answer(id, String(process.pid)));
    setInterval(() => undefined, 1_000);
  },
  grandchild: (id, { stdio, detached }) => print(answer(id, start(stdio, detached))),
  /** Dies, and leaves behind a process that holds its pipes. */
  orphan() {
    process.stderr.write(`orphan ${start('inherit')}\n`);
    process.kill(process.pid, 'SIGKILL');
  },
};

function receive({ id, method, params }) {
  if (is('silent')) return;
  if (method === 'initialize') {
    const { protocolVersion } = params;
    const serverInfo = { name: 'scripted', version: '1' };
    print(line({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo } }));
  } else if (method === 'tools/list') {
    const properties = { text: { type: 'string' }, list: { type: 'array', uniqueItems: true } };
    const inputSchema = { type: 'object', ...(is('schemas') && { properties }) };
    const list = Object.keys(tools).map((name) => ({ name, inputSchema }));
    print(line({ id, result: { tools: list } }));
  } else if (method === 'tools/call') {
    calls += 1;
    void tools[params.name](id, params.arguments);
  } else if (method === 'ping' && is('pingless')) {
    print(line({ id, error: { code: -32601, message: 'Method not found' } }));
  } else if (id !== undefined) {
    print(line({ id, result: {} }));
  }
}

let rest = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  for (const each of lines) receive(JSON.parse(each));
});
