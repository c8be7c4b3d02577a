import { Connection } from '../../../lib/mcp/session/connection';
import { StdioTransport } from '../../../lib/mcp/stdio/transport';
import { BufferedBytes } from '../../../lib/util/buffered-bytes';
import { until } from '../../support/deferred';
import { LogBook, callOptions, isRunning, openOptions, scripted, textOf } from '../../support/stdio';

// A child takes its time to start on a busy machine.
jest.setTimeout(20_000);

const LOST = { code: 'MCPO_CONNECTION_LOST', status: 502, outcome: 'unknown' };

let ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

async function open(args: readonly string[] = [], logger = new LogBook()): Promise<Connection> {
  const connection = await Connection.open(scripted(args), openOptions({ logger }));
  ends.push(() => connection.close());
  return connection;
}

/** The process id that a tool tells; the process is ended after the test, whatever became of it. */
async function pidOf(connection: Connection, tool = 'pid', args = {}): Promise<number> {
  return reap(Number(await textOf(connection, tool, args)));
}

function reap(pid: number): number {
  ends.push(() => {
    if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
  return pid;
}

describe('close()', () => {
  it.each([
    ['holds its pipes', 'inherit'],
    ['holds none of its pipes', 'ignore'],
  ])('ends a child and a stubborn grandchild that %s', async (_what, stdio) => {
    const connection = await open();
    const pids = [await pidOf(connection), await pidOf(connection, 'grandchild', { stdio })];
    expect(pids.map(isRunning)).toEqual([true, true]);
    await connection.close();
    expect(connection.closed).toBe(true);
    await until(() => !pids.some(isRunning));
  });

  it('kills a child that ignores the end of its input and SIGTERM', async () => {
    const connection = await open(['stubborn']);
    const pids = [await pidOf(connection), await pidOf(connection, 'grandchild', { stdio: 'inherit' })];
    const closing = connection.close();
    await expect(connection.call('echo', {}, callOptions())).rejects.toMatchObject({ code: 'MCPO_SERVER_DOWN' });
    await closing;
    await until(() => !pids.some(isRunning));
  });

  it('asks a child by SIGTERM before it kills it', async () => {
    const logger = new LogBook();
    const connection = await open(['polite'], logger);
    const pid = await pidOf(connection);
    await connection.close();
    expect(isRunning(pid)).toBe(false);
    expect(logger.debugs.join('\n')).toContain('goodbye');
  });

  it('fails the calls under way and tells once that the connection has ended', async () => {
    const connection = await open();
    let told = 0;
    connection.onClose(() => told++);
    const calls = [1, 2].map(() => connection.call('hang', {}, callOptions()));
    const settled = Promise.allSettled(calls);
    await Promise.all([connection.close(), connection.close()]);
    await connection.close();
    expect(await settled).toEqual(calls.map(() => ({ status: 'rejected', reason: expect.objectContaining(LOST) })));
    expect(told).toBe(1);
  });

  it('does nothing to a transport that was never started', async () => {
    await new StdioTransport(scripted(), new LogBook(), new BufferedBytes(Infinity)).close();
  });
});

describe('a child that ends by itself', () => {
  it('in a call fails it, with an outcome that nobody knows, and no call is sent to it again', async () => {
    const connection = await open();
    const ended = new Promise<void>((resolve) => {
      connection.onClose(resolve);
    });
    const other = connection.call('hang', {}, callOptions());
    const both = await Promise.allSettled([other, connection.call('die', {}, callOptions())]);
    expect(both).toEqual(both.map(() => ({ status: 'rejected', reason: expect.objectContaining(LOST) })));
    await ended;
    await expect(connection.call('echo', {}, callOptions())).rejects.toMatchObject({
      code: 'MCPO_SERVER_DOWN',
      status: 503,
      outcome: undefined,
    });
  });

  it('is heard out: what it wrote before it died is an answer', async () => {
    const connection = await open();
    const length = 300_000;
    const { content } = await connection.call('die', { length }, callOptions());
    expect(content).toEqual([{ type: 'text', text: 'x'.repeat(length) }]);
    await until(() => connection.closed);
  });

  it('while something it has started holds its pipes fails the call all the same, and that is killed', async () => {
    const logger = new LogBook();
    const connection = await open([], logger);
    await expect(connection.call('orphan', {}, callOptions())).rejects.toMatchObject(LOST);
    const pid = Number(/orphan (\d+)/.exec(logger.debugs.join('\n'))?.[1]);
    expect(pid).toBeGreaterThan(0);
    await until(() => !isRunning(reap(pid)));
  });
});

describe('a child that closes its input', () => {
  it('is of no use any more: its calls fail without waiting for their time-out, and it is ended', async () => {
    const connection = await open();
    const pid = await pidOf(connection, 'deafen');
    await expect(connection.call('echo', { text: 'x' }, callOptions())).rejects.toMatchObject(LOST);
    expect(connection.closed).toBe(true);
    await until(() => !isRunning(pid));
  });
});
