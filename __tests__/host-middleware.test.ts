import express, { type RequestHandler } from 'express';
import request from 'supertest';
import { type CallLayer, type FleetFlights, McpoError, type McpoOptions, type McpoRouter, mcpoRouter } from '../lib';
import { type Mounted, inExpress4, inExpress5 } from './support/hosts';
import { Lab, text } from './support/lab';
import { silent } from './support/loggers';

let mcpo: McpoRouter | undefined;
afterEach(() => mcpo?.close());

const READ = { annotations: { readOnlyHint: true } };

/** An app with a middleware of the host's before the router. */
async function hosted(
  lab: Lab,
  options: Partial<McpoOptions>,
  host: RequestHandler = (_req, _res, next) => next(),
  forwardHeaders: string[] = [],
): Promise<express.Express> {
  mcpo = mcpoRouter({ servers: { lab: { connect: lab.connect, forwardHeaders } }, logger: silent, ...options });
  await mcpo.ready();
  return express().use('/mcp', host, mcpo);
}

it('knows a caller by the headers that the host has put in place of those that came', async () => {
  const fromCookie: RequestHandler = (req, _res, next) => {
    req.headers = { ...req.headers, 'x-api-key': String(req.headers.cookie).replace('key=', '') };
    next();
  };
  const lab = new Lab().tool('read', () => text('1'), READ);
  const app = await hosted(lab, { apiKey: 'secret' }, fromCookie);
  expect((await request(app).post('/mcp/lab/read').set('cookie', 'key=secret')).status).toBe(200);
  expect((await request(app).post('/mcp/lab/read').set('cookie', 'key=other')).status).toBe(401);
});

it('forwards no header that the host has taken away', async () => {
  const strip: RequestHandler = (req, _res, next) => {
    const { 'x-user': _user, ...others } = req.headers;
    req.headers = others;
    next();
  };
  const lab = new Lab().tool('who', ({ headers }) => text(JSON.stringify(headers['x-user'] ?? null)), READ);
  const plain = await hosted(lab, {}, undefined, ['x-user']);
  expect((await request(plain).post('/mcp/lab/who').set('x-user', 'alice')).body).toBe('alice');
  await mcpo?.close();
  const stripped = await hosted(lab, {}, strip, ['x-user']);
  expect((await request(stripped).post('/mcp/lab/who').set('x-user', 'alice')).body).toBeNull();
});

describe('a fleet of the host', () => {
  const fleet = (execute: FleetFlights['execute']): FleetFlights => ({
    health: { isUp: true, errors: 0 },
    generation: () => Promise.resolve('1'),
    dropGroup: () => Promise.resolve(),
    execute,
  });
  const lab = (): Lab => new Lab().tool('read', () => text('1'), READ);

  it('is given an AbortSignal', async () => {
    const signals: unknown[] = [];
    const own = fleet((flight, run) => {
      signals.push(flight.signal);
      return run();
    });
    const app = await hosted(lab(), { share: { fleet: own }, cache: false });
    expect((await request(app).post('/mcp/lab/read')).body).toBe(1);
    expect(signals).toEqual([expect.any(AbortSignal)]);
  });

  it('that breaks its promise not to reject has the call answered all the same', async () => {
    const broken = fleet(() => Promise.reject(new Error('out of reach')));
    const app = await hosted(lab(), { share: { fleet: broken }, cache: false });
    const { status, body } = await request(app).post('/mcp/lab/read');
    expect([status, body]).toEqual([500, expect.objectContaining({ code: 'MCPO_INTERNAL' })]);
    expect(JSON.stringify(body)).not.toContain('out of reach');
  });
});

describe.each([
  ['Express 5', inExpress5],
  ['Express 4', inExpress4],
])('what a host gives that cannot be sent is 500 and logged, in %s', (_name, host) => {
  let mounted: Mounted | undefined;
  afterEach(() => mounted?.close());

  /** The answer to one call, and the errors that were logged. */
  async function answerOf(options: Partial<McpoOptions>): Promise<readonly [number, unknown, number]> {
    const errors: unknown[] = [];
    const logger = { ...silent, error: (...logged: unknown[]): void => void errors.push(logged) };
    const lab = new Lab().tool('read', () => text('1'), READ);
    mcpo = mcpoRouter({ servers: { lab: { connect: lab.connect } }, logger, ...options });
    await mcpo.ready();
    mounted = await host.mount(mcpo);
    const response = await fetch(`${mounted.url}/lab/read`, { method: 'POST' });
    return [response.status, await response.json(), errors.length];
  }
  const INTERNAL = [500, expect.objectContaining({ code: 'MCPO_INTERNAL', requestId: expect.any(String) }), 1];

  it.each<[string, () => McpoError]>([
    ['a header with a line break', () => new McpoError('MCPO_REJECTED', 'x', { headers: { 'X-Reason': 'a\nb' } })],
    ['a header beyond latin1', () => new McpoError('MCPO_REJECTED', 'x', { headers: { 'X-Reason': '\u2713' } })],
    ['a header without a name', () => new McpoError('MCPO_REJECTED', 'x', { headers: { '': 'a' } })],
    ['headers of which one is good', () => new McpoError('MCPO_REJECTED', 'x', { headers: { A: 'a', B: '\r' } })],
    ['a status', () => Object.assign(new McpoError('MCPO_REJECTED', 'x'), { status: 99 })],
    ['details', () => new McpoError('MCPO_REJECTED', 'x', { errors: [{ pointer: '', message: 1n as never }] })],
  ])('%s in an error', async (_what, make) => {
    const layer: CallLayer = () => Promise.reject(make());
    expect(await answerOf({ use: [layer] })).toEqual(INTERNAL);
    await Promise.all([mcpo?.close(), mounted?.close()]);
    const principal = (): never => {
      throw make();
    };
    expect(await answerOf({ principal })).toEqual(INTERNAL);
  });

  it.each<[string, CallLayer]>([
    [
      'a cache status',
      async (call, next) => {
        const answer = await next(call);
        call.cacheStatus.forwarded = 'a\nb' as 'miss';
        return answer;
      },
    ],
    ['a body', async (call, next) => Object.defineProperty(await next(call), 'body', { value: { a: 1 } })],
    ['no body', async (call, next) => Object.defineProperty(await next(call), 'body', { value: undefined })],
  ])('%s from a layer', async (_what, layer) => {
    expect(await answerOf({ use: [layer], cache: false })).toEqual(INTERNAL);
  });
});

it.each(['miss', 'hit'])('a response whose end the host has broken fails the request alone (%s)', async (kind) => {
  const lab = new Lab().tool('read', () => text('1'), READ);
  let isBroken = false;
  const breaking: RequestHandler = (_req, res, next) => {
    const end = res.end.bind(res);
    if (isBroken) {
      res.end = (() => {
        res.end = end;
        throw new Error('of the host');
      }) as typeof res.end;
    }
    next();
  };
  const app = await hosted(lab, {}, breaking);
  if (kind === 'hit') await request(app).post('/mcp/lab/read');
  isBroken = true;
  const { status, body } = await request(app).post('/mcp/lab/read');
  expect([status, body]).toEqual([500, expect.objectContaining({ code: 'MCPO_INTERNAL' })]);
  isBroken = false;
  expect((await request(app).post('/mcp/lab/read')).status).toBe(200);
});
