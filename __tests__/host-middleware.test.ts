import express, { type RequestHandler } from 'express';
import request from 'supertest';
import { type FleetFlights, type McpoOptions, type McpoRouter, mcpoRouter } from '../lib';
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
