import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Connection } from '../../../lib/mcp/session/connection';
import { LineSplitter } from '../../../lib/mcp/stdio/line-splitter';
import { StdioTransport } from '../../../lib/mcp/stdio/transport';
import type { StdioSpec } from '../../../lib/mcp/transport-spec';
import { BufferedBytes } from '../../../lib/util/buffered-bytes';
import { until } from '../../support/deferred';
import { LogBook, callOptions, isRunning, openOptions, scripted, textOf } from '../../support/stdio';

// A child takes its time to start on a busy machine.
jest.setTimeout(20_000);

const TEXT = 'plain, größer, 日本語, 👩‍👩‍👧 and a line\nbreak';

let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

async function open(spec: StdioSpec, logger = new LogBook()): Promise<Connection> {
  const connection = await Connection.open(spec, openOptions({ logger }));
  ends.push(() => connection.close());
  return connection;
}

/** Ends a process after the test, whatever became of it. */
function reap(pid: number): number {
  ends.push(() => {
    if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
  return pid;
}

async function pidOf(connection: Connection, tool = 'pid', args = {}): Promise<number> {
  return reap(Number(await textOf(connection, tool, args)));
}

describe('lines', () => {
  const bytes = Buffer.from(`${TEXT}\n\n${TEXT}!\n`);
  const lines = `${TEXT}\n\n${TEXT}!`.split('\n');

  it('are the same wherever the chunks are cut', () => {
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second += 7) {
        const splitter = new LineSplitter(1_000, () => undefined);
        const chunks = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        expect(chunks.flatMap((chunk) => [...splitter.push(chunk)])).toEqual(lines);
      }
    }
  });

  it('may be as long as the limit; a longer one is skipped to its end, in one chunk or many', () => {
    let skipped: unknown[] = [];
    const push = (...chunks: string[]): string[] => {
      skipped = [];
      const splitter = new LineSplitter(5, (line) => skipped.push(line));
      return chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk))]);
    };
    expect(push('12345\n12345\n')).toEqual(['12345', '12345']);
    expect(push('123', '45', '\n12', '345\n')).toEqual(['12345', '12345']);
    for (const chunks of [['123456\n'], ['123', '456\n'], ['123456'], ['ok\n1234', '5', '6']]) {
      expect(push(...chunks)).toEqual(chunks[0]?.startsWith('ok') ? ['ok'] : []);
      expect(skipped).toEqual(chunks.at(-1)?.endsWith('\n') ? [{ head: '123456', tail: '123456' }] : []);
      expect(push(...chunks, '7\n', 'next\n').at(-1)).toBe('next');
    }
    push(`start${'x'.repeat(5_000)}`, 'y'.repeat(5_000), `${'z'.repeat(5_000)}end\n`);
    expect(skipped).toEqual([{ head: `start${'x'.repeat(1_019)}`, tail: `${'z'.repeat(1_021)}end` }]);
  });
});

describe('messages of a child', () => {
  it('are whole when they come byte by byte, cut inside characters', async () => {
    const connection = await open(scripted());
    expect(await textOf(connection, 'drip', { text: TEXT })).toBe(TEXT);
  });

  it('reach their callers when many come in one chunk', async () => {
    const connection = await open(scripted());
    const texts = ['first', TEXT, 'third'];
    const answers = texts.map((text) => textOf(connection, 'together', { text, calls: texts.length }));
    expect(await Promise.all(answers)).toEqual(texts);
  });

  it('may be megabytes long', async () => {
    const connection = await open(scripted());
    const text = TEXT.repeat(50_000);
    expect((await textOf(connection, 'echo', { text })) === text).toBe(true);
  });

  it('are found between rubbish, of which no more than five lines are logged', async () => {
    const logger = new LogBook();
    const connection = await open(scripted(), logger);
    const lines = ['Listening...', '', '[]', '42', 'null', '"text"', '{"jsonrpc":"2.0"}', '{'];
    lines.push('{"jsonrpc":"2.0","id":null,"result":{}}', '{"method":"no/version"}', '['.repeat(100_000), '\u0000');
    for (let round = 0; round < 2; round++) {
      expect(await textOf(connection, 'rubbish', { lines })).toBe('after the rubbish');
    }
    expect(logger.warnings).toHaveLength(5);
    expect(logger.warnings[0]).toContain('"Listening..."');
    expect(await textOf(connection, 'echo', { text: 'still here' })).toBe('still here');
  });

  it('are told from log lines in JSON that have ids of their own', async () => {
    const logger = new LogBook();
    const connection = await open(scripted(['logs']), logger);
    expect(logger.warnings[0]).toContain('ready');
    const lines = [0, 1, 2, 3, 4].flatMap((id) => [
      JSON.stringify({ id }),
      JSON.stringify({ id, error: 'x', level: 50 }),
    ]);
    expect(await textOf(connection, 'rubbish', { lines })).toBe('after the rubbish');
  });

  it.each([
    ['without a version', '{"id":"ID","result":{"content":[]}}'],
    ['without result and error', '{"jsonrpc":"2.0","id":"ID"}'],
    ['with a result that is no object', '{"jsonrpc":"2.0","id":"ID","result":"text"}'],
    ['with result and error', '{"jsonrpc":"2.0","id":"ID","result":{"content":[]},"error":null}'],
    ['with metadata that is none', '{"jsonrpc":"2.0","id":"ID","result":{"content":[],"_meta":null}}'],
    ['with an error that has no code', '{"jsonrpc":"2.0","id":"ID","error":{"message":"no"}}'],
    ['with an error that is a text', '{"jsonrpc":"2.0","id":"ID","error":"no"}'],
  ])('that are answers %s end their call as nonsense', async (_what, text) => {
    const connection = await open(scripted());
    await expect(connection.call('verbatim', { text }, callOptions())).rejects.toMatchObject({
      code: 'MCPO_BAD_RESPONSE',
      status: 502,
      outcome: 'unknown',
    });
    expect(await textOf(connection, 'echo', { text: 'still here' })).toBe('still here');
  });

  it.each([
    ['at the beginning', true],
    ['at the end', false],
  ])('of more than 64 MiB fail their call alone, where the id is %s', async (_where, first) => {
    const logger = new LogBook();
    const connection = await open(scripted(), logger);
    const pid = await pidOf(connection);
    const hung = connection.call('late', { text: 'later', ms: 500 }, callOptions());
    const tooLong = connection.call('long', { megabytes: 65, first }, callOptions());
    await expect(tooLong).rejects.toMatchObject({ code: 'MCPO_BAD_RESPONSE', status: 502, outcome: 'unknown' });
    expect((await hung).content).toEqual([{ type: 'text', text: 'later' }]);
    expect(await textOf(connection, 'pid')).toBe(String(pid));
    expect(logger.warnings).toEqual([expect.stringContaining(`a line of more than ${64 * 2 ** 20} bytes`)]);
  });

  it('that never end are not kept, and keep nobody else from anything', async () => {
    const buffers = new BufferedBytes(Infinity);
    const connection = await Connection.open(scripted(), openOptions({ buffers }));
    ends.push(() => connection.close());
    let most = 0;
    const timer = setInterval(() => (most = Math.max(most, buffers.held)), 1);
    const endless = connection.call('endless', {}, callOptions({ timeoutMs: 3_000 }));
    await expect(endless).rejects.toMatchObject({ code: 'MCPO_TIMEOUT' });
    clearInterval(timer);
    expect(most).toBeGreaterThan(2 ** 20);
    expect(most).toBeLessThanOrEqual(64 * 2 ** 20);
    expect(buffers.held).toBe(0);
  });
});

describe('a flood of messages', () => {
  it('lets everything else have its turn after a chunk or two', async () => {
    const notification = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}';
    const transport = new StdioTransport(scripted(), new LogBook(), new BufferedBytes(Infinity));
    ends.push(() => transport.close());
    await transport.start();
    let [inTurn, most, all] = [0, 0, 0];
    let turn: NodeJS.Immediate;
    const turns = (): void => {
      most = Math.max(most, inTurn);
      inTurn = 0;
      turn = setImmediate(turns);
    };
    turns();
    ends.push(() => {
      clearImmediate(turn);
    });
    transport.onmessage = () => {
      inTurn += 1;
      all += 1;
      // As long as nobody reads, the child fills the pipe.
      if (all === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    };
    const params = { name: 'burst', arguments: { text: notification, times: 20_000 } };
    await transport.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    await until(() => all === 20_001);
    expect(most).toBeLessThanOrEqual((2 * 65_536) / notification.length + 2);
  });
});

describe('standard error', () => {
  it('of many megabytes blocks nothing, is logged in part and is not kept', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const held = (): number => {
      gc();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const logger = new LogBook();
    const connection = await open(scripted(), logger);
    expect(await textOf(connection, 'flood', { megabytes: 1 })).toBe('flooded');
    const before = held();
    expect(await textOf(connection, 'flood', { megabytes: 64 })).toBe('flooded');
    expect(held() - before).toBeLessThan(8 * 2 ** 20);
    expect(logger.debugs.join('')).toContain('stderr');
    expect(logger.debugs.join('').length).toBeLessThan(2 ** 20);
  });
});

describe('a child', () => {
  it("gets the server's environment and what every program needs, and no secret of this process", async () => {
    process.env.MCPO_TEST_SECRET = 'secret';
    ends.push(() => delete process.env.MCPO_TEST_SECRET);
    const connection = await open(scripted([], { env: { TOKEN: 'its own', HOME: '/elsewhere' } }));
    const env = JSON.parse(await textOf(connection, 'env')) as Record<string, string>;
    expect(env).toMatchObject({ TOKEN: 'its own', HOME: '/elsewhere', PATH: process.env.PATH });
    expect(Object.values(env)).not.toContain('secret');
    expect(Object.keys(env)).not.toContain('MCPO_TEST_SECRET');
  });

  it('runs in the directory that is asked for, with its arguments taken literally', async () => {
    const connection = await open(scripted(['good', '$(id) "quoted" *'], { cwd: path.parse(__dirname).root }));
    expect(await textOf(connection, 'cwd')).toBe(path.parse(__dirname).root);
  });

  const REMEDY =
    'is it installed, and on the PATH of this process? A service (systemd, cron) needs an absolute path to npx or uvx';
  it.each([
    [
      'whose command does not exist',
      { command: 'no-such-command' },
      `the command no-such-command does not exist; ${REMEDY}`,
    ],
    ['whose path does not exist', { command: '/no/such/file' }, `the command /no/such/file does not exist; ${REMEDY}`],
    [
      'whose directory does not exist',
      { cwd: '/no/such/folder' },
      'there is no directory /no/such/folder to start it in',
    ],
    ['whose command is a directory', { command: __dirname }, `the command ${__dirname} may not be executed`],
    ['whose directory is a file', { cwd: __filename }, `there is no directory ${__filename} to start it in`],
  ])('%s cannot be reached, and the error says why', async (_what, spec, reason) => {
    await expect(open(scripted([], spec))).rejects.toMatchObject({
      code: 'MCPO_SERVER_DOWN',
      status: 503,
      outcome: undefined,
      message: `the MCP server cannot be reached: ${reason}`,
    });
  });

  it('that may not be executed cannot be reached, and the error says why', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'mcpo-'));
    ends.push(() => rm(folder, { recursive: true }));
    const command = path.join(folder, 'server');
    await writeFile(command, '#!/bin/sh\n');
    await chmod(command, 0o644);
    await expect(open(scripted([], { command }))).rejects.toThrow(`the command ${command} may not be executed`);
  });
});
