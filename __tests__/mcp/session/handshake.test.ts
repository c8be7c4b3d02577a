import { getEventListeners } from 'node:events';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { McpoError } from '../../../lib/errors';
import { Connection } from '../../../lib/mcp/session/connection';
import type { OpenOptions } from '../../../lib/mcp/session/handshake';
import type { TransportSpec } from '../../../lib/mcp/transport-spec';
import { deferred, until } from '../../support/deferred';
import { ScriptedTransport } from '../../support/scripted-transport';
import { LogBook, isRunning, openOptions, scripted } from '../../support/stdio';

// A child takes its time to start on a busy machine.
jest.setTimeout(20_000);

const DOWN = { code: 'MCPO_SERVER_DOWN', status: 503, outcome: undefined };

const resolve = (): Promise<void> => Promise.resolve();
const reject = (): Promise<void> => Promise.reject(new Error('closed'));
const fail = (): never => {
  throw new Error('closed');
};

/** The error that opening ends with, and the signal that it was given. */
async function failure(spec: TransportSpec, options: Partial<OpenOptions> = {}): Promise<McpoError> {
  const { signal } = new AbortController();
  try {
    const connection = await Connection.open(spec, openOptions({ signal, ...options }));
    await connection.close();
  } catch (error) {
    expect(getEventListeners(options.signal ?? signal, 'abort')).toEqual([]);
    if (error instanceof McpoError) return error;
    throw error;
  }
  throw new Error('the connection was opened');
}

/** A server that is given as a promise. */
function custom(connect: () => Transport | Promise<Transport>): TransportSpec {
  return { kind: 'custom', connect };
}

/** Starts the scripted server in a way that tells its process id on standard error. */
async function failureOfChild(
  mode: string,
  options: Partial<OpenOptions> = {},
): Promise<{ readonly error: McpoError; readonly pid: number }> {
  const logger = new LogBook();
  const error = await failure(scripted([mode, 'pid']), { logger, ...options });
  return { error, pid: Number(/pid (\d+)/.exec(logger.debugs.join('\n'))?.[1]) };
}

describe('a child', () => {
  it.each(['silent', 'silent stubborn'])('that is %s is given up in time and leaves nothing behind', async (mode) => {
    const { error, pid } = await failureOfChild(mode, { connectTimeoutMs: 1_500 });
    expect(error).toMatchObject(DOWN);
    expect(error.message).toBe('the MCP server cannot be reached: it did not answer within 1500 ms');
    expect(pid).toBeGreaterThan(0);
    await until(() => !isRunning(pid));
  });

  it('that dies at once fails at once', async () => {
    const error = await failure(scripted(['dies']));
    expect(error).toMatchObject(DOWN);
    expect(error.headers).toEqual({ 'Retry-After': '1' });
  });

  it('has its last words in the cause, for the log, and not in the message that callers may see', async () => {
    const said = 'Error: TOKEN=hunter2 was refused';
    const error = await failure(scripted(['dies', `${'x'.repeat(10_000)}\n${said}\n`]));
    const { message } = error.cause as Error;
    expect(message).toContain(said);
    expect(message.length).toBeLessThan(2_500);
    expect(JSON.stringify(error) + error.message).not.toMatch(/hunter2|xxx/);
  });

  it('that prints other things than messages has that in the cause', async () => {
    const error = await failure(scripted(['chatty dies']));
    expect((error.cause as Error).message).toContain('prints other things than MCP messages');
    expect(error.message).not.toContain('prints');
  });

  it('that is not wanted any more is ended', async () => {
    const abort = new AbortController();
    const logger = new LogBook();
    const opening = failure(scripted(['silent', 'pid']), { signal: abort.signal, logger });
    await until(() => logger.debugs.join('').includes('pid'));
    const pid = Number(/pid (\d+)/.exec(logger.debugs.join('\n'))?.[1]);
    expect(isRunning(pid)).toBe(true);
    abort.abort();
    expect(await opening).toMatchObject({ ...DOWN, message: expect.stringContaining('shutting down') });
    await until(() => !isRunning(pid));
  });

  it('is not started when it is not wanted from the beginning', async () => {
    const logger = new LogBook();
    await failure(scripted(['silent', 'pid']), { signal: AbortSignal.abort(), logger });
    expect(logger.debugs).toEqual([]);
  });
});

describe('a transport of the app', () => {
  it('whose connect() throws or rejects is a server that cannot be reached', async () => {
    const throwing = custom(() => {
      throw new Error('no such socket');
    });
    const rejecting = custom(() => Promise.reject(new Error('no such socket')));
    for (const spec of [throwing, rejecting]) {
      expect(await failure(spec)).toMatchObject({ ...DOWN, message: expect.stringContaining('no such socket') });
    }
  });

  it.each([
    ['nothing', undefined],
    ['an empty object', {}],
    ['one without close()', { start: resolve, send: reject }],
    ['one whose close() rejects', { start: resolve, send: reject, close: reject }],
    ['one whose close() throws', { start: resolve, send: reject, close: fail }],
  ])('that is %s is a server that cannot be reached', async (_what, transport) => {
    expect(await failure(custom(() => transport as unknown as Transport))).toMatchObject(DOWN);
  });

  it('that comes too late is closed, and never started', async () => {
    const gate = deferred<Transport>();
    const error = await failure(
      custom(() => gate.promise),
      { connectTimeoutMs: 20 },
    );
    expect(error).toMatchObject({ ...DOWN, message: expect.stringContaining('within 20 ms') });
    const late = new ScriptedTransport();
    gate.resolve(late);
    await until(() => late.closes === 1);
    expect(late.started).toBe(0);
  });

  it('that fails too late harms nobody', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    const gate = deferred<Transport>();
    await failure(
      custom(() => gate.promise),
      { connectTimeoutMs: 20 },
    );
    gate.reject(new Error('too late'));
    await new Promise((resolve) => setTimeout(resolve, 0));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('that comes after an abort is closed, and never started', async () => {
    const abort = new AbortController();
    const transport = new ScriptedTransport();
    const gate = deferred<Transport>();
    const opening = failure(
      custom(() => gate.promise),
      { signal: abort.signal },
    );
    abort.abort();
    gate.resolve(transport);
    expect(await opening).toMatchObject(DOWN);
    await until(() => transport.closes === 1);
    expect(transport.started).toBe(0);
  });

  it.each(['start', 'send'] as const)('whose %s() never ends is given up in time and closed', async (method) => {
    const transport = new ScriptedTransport();
    transport[method] = () => new Promise(() => undefined);
    const error = await failure(transport.spec, { connectTimeoutMs: 20 });
    expect(error).toMatchObject({ ...DOWN, message: expect.stringContaining('within 20 ms') });
    expect(transport.closes).toBeGreaterThanOrEqual(1);
  });

  it('that never answers and never closes is given up all the same', async () => {
    jest.useFakeTimers();
    try {
      const transport = new ScriptedTransport();
      transport.answersHello = false;
      transport.close = () => new Promise(() => undefined);
      const opening = failure(transport.spec, { connectTimeoutMs: 1_000 });
      await jest.advanceTimersByTimeAsync(1_000 + 5_000);
      expect(await opening).toMatchObject(DOWN);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('that speaks a version which nobody knows is closed', async () => {
    const transport = new ScriptedTransport();
    transport.protocolVersion = '1999-01-01';
    expect(await failure(transport.spec)).toMatchObject({ ...DOWN, message: expect.stringContaining('1999-01-01') });
    expect(transport.closes).toBeGreaterThanOrEqual(1);
  });

  it('that shakes hands leaves neither timer nor listener', async () => {
    jest.useFakeTimers();
    try {
      const { signal } = new AbortController();
      const transport = new ScriptedTransport();
      const connection = await Connection.open(transport.spec, openOptions({ signal }));
      expect(connection.serverInfo.name).toBe('scripted');
      expect(getEventListeners(signal, 'abort')).toEqual([]);
      expect(jest.getTimerCount()).toBe(0);
      expect(transport.closes).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});
