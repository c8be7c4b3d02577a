import { getEventListeners } from 'node:events';
import type { CallOptions } from '../../../lib/mcp/session/pending-call';
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import { Connection } from '../../../lib/mcp/session/connection';
import type { Logger } from '../../../lib/util/logger';
import { silent } from '../../support/loggers';
import { LogBook, callOptions, openOptions } from '../../support/stdio';
import { ScriptedTransport } from '../../support/scripted-transport';

const FINE = { content: [{ type: 'text', text: 'fine' }] };
const TIMEOUT = { code: 'MCPO_TIMEOUT', status: 504, outcome: 'unknown' };
const LOST = { code: 'MCPO_CONNECTION_LOST', status: 502, outcome: 'unknown' };
const NONSENSE = { code: 'MCPO_BAD_RESPONSE', status: 502, outcome: 'unknown' };

interface Ended {
  readonly value?: unknown;
  readonly error?: unknown;
}

/** A connection, and a call that the test ends as it likes. */
async function calling(
  options: Partial<CallOptions> = {},
  logger: Logger = silent,
): Promise<{
  transport: ScriptedTransport;
  connection: Connection;
  ended: Promise<Ended>;
  now: () => Ended | undefined;
}> {
  const transport = new ScriptedTransport();
  const connection = await Connection.open(transport.spec, openOptions({ logger }));
  let outcome: Ended | undefined;
  const ended = connection
    .call('tool', { a: 1 }, callOptions(options))
    .then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
    .then((end) => (outcome = end));
  return { transport, connection, ended, now: () => outcome };
}

describe('the answer of a server', () => {
  it('is handed on as it came, to a call that names its tool and arguments', async () => {
    const { transport, ended } = await calling();
    expect(transport.lastCall).toMatchObject({ method: 'tools/call', params: { name: 'tool', arguments: { a: 1 } } });
    const result = { ...FINE, isError: true, structuredContent: { b: [2] }, _meta: { 'x.y/z': 1 }, more: null };
    transport.answer(result);
    expect(await ended).toEqual({ value: result });
  });

  it.each([
    [-32700, 'MCPO_REJECTED', 400],
    [-32600, 'MCPO_REJECTED', 400],
    [-32601, 'MCPO_SERVER_ERROR', 500],
    [-32602, 'MCPO_INVALID_ARGUMENTS', 422],
    [-32603, 'MCPO_SERVER_ERROR', 500],
    [-32000, 'MCPO_SERVER_ERROR', 500],
    [-32001, 'MCPO_SERVER_ERROR', 500],
    [-32042, 'MCPO_SERVER_ERROR', 500],
    [0, 'MCPO_SERVER_ERROR', 500],
    [12345, 'MCPO_SERVER_ERROR', 500],
  ])('that is the error %d becomes %s', async (rpcCode, code, status) => {
    const { transport, ended, connection } = await calling();
    transport.fail(rpcCode, 'in its own words', { secret: 'for the log' });
    const { error } = await ended;
    expect(error).toMatchObject({ code, status, outcome: undefined, message: 'in its own words' });
    expect(JSON.stringify(error)).not.toContain('secret');
    expect(connection.closed).toBe(false);
  });

  it.each([
    ['', 'the MCP server gave no reason'],
    ['x'.repeat(5_000), 'x'.repeat(2_000)],
    ['MCP error -32603: said twice', 'MCP error -32603: said twice'],
  ])('that is an error has its words kept within bounds (%#)', async (said, message) => {
    const { transport, ended } = await calling();
    transport.fail(-32603, said);
    expect(await ended).toMatchObject({ error: { message } });
  });

  it.each([
    ['no content', {}],
    ['content that is a text', { content: 'text' }],
    ['content that is null', { content: null }],
    ['content of texts', { content: ['text'] }],
    ['content of lists', { content: [[]] }],
  ])('with %s is nonsense', async (_what, result) => {
    const { transport, ended } = await calling();
    transport.answer(result);
    expect(await ended).toMatchObject({ error: NONSENSE });
  });

  it.each([
    ['no content but a structured one', { structuredContent: {} }],
    ['an empty content', { content: [] }],
    ['content of an unknown kind', { content: [{ type: 'smell', strength: 9 }] }],
  ])('with %s is accepted', async (_what, result) => {
    const { transport, ended } = await calling();
    transport.answer(result);
    expect(await ended).toEqual({ value: result });
  });

  it.each([
    ['a result that is none', { result: 'fine' }],
    ['a result whose _meta is none', { result: { ...FINE, _meta: null } }],
    ['neither a result nor an error', {}],
    ['an error without a code', { error: { message: 'no' } }],
  ])('with %s ends the call as nonsense, over a transport of any kind', async (_what, message) => {
    const { transport, ended } = await calling();
    transport.receive({ id: transport.lastCall.id, ...message });
    expect(await ended).toMatchObject({ error: NONSENSE });
  });

  it('is told from those to others, to nobody and from what is no message at all', async () => {
    const { transport, ended, now } = await calling();
    const { id } = transport.lastCall;
    transport.receive({ id: Number(id) + 1, result: FINE });
    transport.receive({ id: null, error: { code: -32700, message: 'whose was that?' } });
    transport.receive({ id: 'text', result: FINE });
    transport.receive({ nonsense: true });
    transport.receive({ method: 'notifications/progress', params: { progressToken: 'nobody', progress: 1 } });
    transport.receive({ method: 'notifications/unheard-of' });
    await new Promise(setImmediate);
    expect(now()).toBeUndefined();
    transport.answer(FINE);
    expect(await ended).toEqual({ value: FINE });
  });
});

describe('a connection that ends', () => {
  it('in a call leaves its outcome unknown', async () => {
    const { transport, ended, connection } = await calling();
    await transport.close();
    expect(await ended).toMatchObject({ error: LOST });
    expect(connection.closed).toBe(true);
  });

  it('before a call has nothing sent', async () => {
    const { transport, connection } = await calling();
    await connection.close();
    const { length } = transport.sent;
    await expect(connection.call('tool', {}, callOptions())).rejects.toMatchObject({
      code: 'MCPO_SERVER_DOWN',
      status: 503,
      outcome: undefined,
    });
    expect(transport.sent).toHaveLength(length);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('no'))],
    ['says nothing of it', () => Promise.resolve()],
  ])('has ended although its transport %s', async (_what, close) => {
    const { transport, ended, connection } = await calling();
    transport.close = close;
    let told = 0;
    connection.onClose(() => told++);
    await connection.close();
    expect(await ended).toMatchObject({ error: LOST });
    connection.onClose(() => told++);
    expect([connection.closed, told]).toEqual([true, 2]);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('no room'))],
    [
      'throws',
      () => {
        throw new Error('no room');
      },
    ],
  ])('with a transport that %s instead of sending fails the call alone', async (_what, sendCall) => {
    const { connection } = await sending(sendCall);
    await expect(connection.call('tool', {}, callOptions())).rejects.toMatchObject({ outcome: 'unknown', status: 502 });
    expect(connection.closed).toBe(false);
  });
});

/** A connection over a transport that sends calls in a way of its own. */
async function sending(
  sendCall: (transport: ScriptedTransport, message: JSONRPCMessage) => Promise<void>,
): Promise<{ transport: ScriptedTransport; connection: Connection }> {
  const transport = new ScriptedTransport();
  const send = transport.send.bind(transport);
  transport.send = (message, options?: unknown) => {
    if (!('method' in message) || message.method !== 'tools/call') return send(message);
    expect(options).toEqual({});
    return sendCall(transport, message);
  };
  return { transport, connection: await Connection.open(transport.spec, openOptions()) };
}

it('a transport that does not say when it has sent is believed to have', async () => {
  const { transport, connection } = await sending(({ sent }, message) => void sent.push(message) as never);
  const ended = connection.call('tool', {}, callOptions());
  await new Promise(setImmediate);
  transport.answer(FINE);
  expect(await ended).toEqual(FINE);
});

it('calls and what the SDK asks for itself do not take the answers of each other', async () => {
  const { transport, ended, connection } = await calling();
  const pinged = connection.ping(1_000);
  await new Promise(setImmediate);
  const ping = transport.sent.findLast((message) => 'method' in message && message.method === 'ping') as JSONRPCRequest;
  transport.receive({ id: ping.id, result: {} });
  await pinged;
  transport.answer(FINE);
  expect(await ended).toEqual({ value: FINE });
});

describe('a caller who leaves', () => {
  it('cancels the call once, and nothing is left on the signal', async () => {
    const caller = new AbortController();
    const { transport, ended, connection } = await calling({ signal: caller.signal });
    const { id } = transport.lastCall;
    caller.abort();
    expect(await ended).toMatchObject({ error: { code: 'MCPO_CALLER_GONE', status: 499 } });
    transport.answer(FINE);
    transport.progress(1);
    await new Promise(setImmediate);
    expect(transport.cancelled).toEqual([id]);
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    expect(connection.closed).toBe(false);
  });

  it.each([
    ['was answered', { result: FINE }],
    ['got an invalid response', { result: {} }],
    ['has failed', { error: { code: -32603, message: 'no' } }],
  ])('after the call %s cancels nothing, and nothing is left on the signal', async (_what, answer) => {
    const caller = new AbortController();
    const { transport, ended } = await calling({ signal: caller.signal });
    transport.receive({ id: transport.lastCall.id, ...answer });
    await ended;
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    caller.abort();
    await new Promise(setImmediate);
    expect(transport.cancelled).toEqual([]);
  });

  it('is gone also where the server cannot be told: that is for the log', async () => {
    const caller = new AbortController();
    const log = new LogBook();
    const { transport, ended } = await calling({ signal: caller.signal }, log);
    transport.onSend = () => Promise.reject(new Error('no room'));
    caller.abort();
    expect(await ended).toMatchObject({ error: { code: 'MCPO_CALLER_GONE' } });
    await new Promise(setImmediate);
    expect(log.debugs).toEqual([expect.stringContaining('cancellation')]);
  });

  it('before the call has nothing sent', async () => {
    const { transport, ended, connection } = await calling();
    transport.answer(FINE);
    await ended;
    const { length } = transport.sent;
    await expect(connection.call('tool', {}, callOptions({ signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: 'MCPO_CALLER_GONE',
    });
    expect(transport.sent).toHaveLength(length);
  });
});

describe('the time of a call', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('without an answer is limited, and the server is told once', async () => {
    const { transport, ended, now } = await calling({ timeoutMs: 1_000 });
    await jest.advanceTimersByTimeAsync(999);
    expect(now()).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1);
    expect(await ended).toMatchObject({ error: TIMEOUT });
    transport.answer(FINE);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(transport.cancelled).toEqual([transport.lastCall.id]);
  });

  it.each([
    ['the answer comes', (transport: ScriptedTransport) => transport.answer(FINE)],
    ['an error comes', (transport: ScriptedTransport) => transport.fail(-32603, 'no')],
    ['the connection closes', (transport: ScriptedTransport) => void transport.close()],
  ])('after it, the end is told once when %s', async (_what, end) => {
    const onLateEnd = jest.fn();
    const { transport, ended } = await calling({ timeoutMs: 1_000, maxTotalTimeoutMs: 60_000, onLateEnd });
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await ended).toMatchObject({ error: TIMEOUT });
    transport.progress(1);
    await jest.advanceTimersByTimeAsync(58_000);
    expect(onLateEnd).not.toHaveBeenCalled();
    end(transport);
    end(transport);
    await jest.advanceTimersByTimeAsync(0);
    expect(onLateEnd).toHaveBeenCalledTimes(1);
  });

  it('after it, an end beyond the longest time of a call is not waited for', async () => {
    const onLateEnd = jest.fn();
    const { transport, ended } = await calling({ timeoutMs: 1_000, maxTotalTimeoutMs: 5_000, onLateEnd });
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await ended).toMatchObject({ error: TIMEOUT });
    await jest.advanceTimersByTimeAsync(4_000);
    transport.answer(FINE);
    expect(onLateEnd).not.toHaveBeenCalled();
  });

  it('begins anew with progress', async () => {
    const { transport, ended, now } = await calling({ timeoutMs: 1_000 });
    for (let progress = 1; progress <= 5; progress++) {
      await jest.advanceTimersByTimeAsync(900);
      transport.progress(progress);
    }
    await jest.advanceTimersByTimeAsync(999);
    expect(now()).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1);
    expect(await ended).toMatchObject({ error: { ...TIMEOUT, message: expect.stringContaining('5500 ms') } });
    expect(transport.cancelled).toEqual([transport.lastCall.id]);
  });

  it('in all is limited, whatever progress there is', async () => {
    const { transport, ended, now } = await calling({ timeoutMs: 1_000, maxTotalTimeoutMs: 3_000 });
    for (let progress = 1; progress < 30; progress++) {
      expect(now()).toBeUndefined();
      await jest.advanceTimersByTimeAsync(100);
      transport.progress(progress);
    }
    await jest.advanceTimersByTimeAsync(100);
    expect(await ended).toMatchObject({ error: { ...TIMEOUT, message: expect.stringContaining('3000 ms') } });
    transport.progress(31);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(transport.cancelled).toEqual([transport.lastCall.id]);
  });

  it('ends with the answer, however much of it there was', async () => {
    const { transport, ended } = await calling({ timeoutMs: 1_000, maxTotalTimeoutMs: 3_000 });
    for (let progress = 1; progress <= 3; progress++) {
      await jest.advanceTimersByTimeAsync(900);
      transport.progress(progress);
    }
    transport.answer(FINE);
    expect(await ended).toEqual({ value: FINE });
    await jest.advanceTimersByTimeAsync(10_000);
    expect(transport.cancelled).toEqual([]);
  });

  it("is not mistaken: a server's own time-out is its error, also after progress", async () => {
    const { transport, ended } = await calling({ timeoutMs: 1_000 });
    for (let progress = 1; progress <= 3; progress++) {
      await jest.advanceTimersByTimeAsync(900);
      transport.progress(progress);
    }
    transport.fail(-32001, 'Request timed out');
    expect(await ended).toMatchObject({ error: { code: 'MCPO_SERVER_ERROR', status: 500, outcome: undefined } });
  });

  it('for closing is limited, too', async () => {
    const { transport, ended, connection } = await calling();
    transport.close = () => new Promise(() => undefined);
    const closing = connection.close();
    await jest.advanceTimersByTimeAsync(5_000);
    await closing;
    expect(await ended).toMatchObject({ error: LOST });
  });
});
