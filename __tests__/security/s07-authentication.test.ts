import type { IncomingMessage } from 'node:http';
import type express from 'express';
import { Lab, text } from '../support/lab';
import { silent } from '../support/loggers';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();
const lab = new Lab().tool('echo', () => text('1'));
const servers = { lab: { connect: lab.connect } };
beforeEach(() => lab.runs.clear());

/** What is behind the key, and what of it says anything of the router. */
const CLOSED = [
  ...['/openapi.json', '/docs', '/metrics', '/metrics?format=json', '/dashboard/events'],
  ...['/lab/openapi.json', '/lab/docs', '/lab/echo', '/lab/none', '/none', '/', '/health/none', '/lab'],
];

describe('S7: a key, or a check of the host', () => {
  it.each([
    ['a key', { apiKey: 'k' }],
    ['a check that refuses', { authorize: () => false }],
    ['a check that refuses later', { authorize: () => Promise.resolve(false) }],
    ['a check that says something else than true', { authorize: () => ({ user: 'ann' }) as never }],
    ['a check that says nothing', { authorize: () => undefined as never }],
    ['a check that fails', { authorize: () => Promise.reject(new Error('secret reason')) }],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what a host may do
    ['a check that fails without a reason', { authorize: () => Promise.reject(undefined) }],
    [
      'a check that throws',
      {
        authorize: () => {
          throw new Error('secret reason');
        },
      },
    ],
  ])('%s keeps everybody from everything, whether it exists or not', async (_what, options) => {
    const { url } = await serve({ servers, ...options });
    for (const path of CLOSED) {
      for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']) {
        const answer = await fetch(url + path, { method });
        expect([method, path, answer.status]).toEqual([method, path, 401]);
        expect(await answer.text()).not.toMatch(/secret reason|"servers"|<html/);
      }
    }
    expect(lab.runs.size).toBe(0);
  });

  it.each([
    [401, 'MCPO_UNAUTHORIZED', null],
    [403, 'MCPO_FORBIDDEN', null],
    [429, 'MCPO_RATE_LIMITED', '1'],
    [503, 'MCPO_AUTH_UNAVAILABLE', '1'],
  ] as const)('may answer %i, by what it returns or throws', async (status, code, retryAfter) => {
    const error = Object.assign(new Error('secret reason'), { status });
    for (const authorize of [() => ({ status }), () => Promise.reject(error)]) {
      const { url } = await serve({ servers, authorize });
      const answer = await post(`${url}/lab/echo`);
      expect(answer).toMatchObject({ status, body: { code } });
      expect(answer.header('retry-after')).toBe(retryAfter);
      expect(JSON.stringify(answer.body)).not.toContain('secret');
      const health = await fetch(`${url}/health`);
      expect([health.status, await health.json()]).toEqual([200, { status: 'healthy' }]);
    }
  });

  it('that fails is told once a minute for each name of an error', async () => {
    const warn = jest.fn();
    let error: Error = new TypeError('one');
    const authorize = (): never => {
      throw error;
    };
    const { url } = await serve({ servers, authorize, logger: { ...silent, warn } });
    for (let n = 0; n < 3; n++) await post(`${url}/lab/echo`);
    error = new RangeError('two');
    await post(`${url}/lab/echo`);
    expect((warn.mock.calls as [{ err: Error }][]).map(([{ err }]) => err.message)).toEqual(['one', 'two']);
  });

  it('may use the types of Express, of a user too', async () => {
    const ofUser = (req: express.Request): boolean =>
      (req as { user?: string }).user === 'ann' || req.get('x-user') === 'ann';
    const ofNode = (req: IncomingMessage): boolean => req.headers['x-user'] === 'ann';
    for (const authorize of [ofUser, ofNode]) {
      const principal = (req: express.Request): string | undefined => req.get('x-user');
      const { url } = await serve({ servers, authorize, principal });
      expect((await post(`${url}/lab/echo`, { headers: { 'x-user': 'ann' } })).status).toBe(200);
      expect((await post(`${url}/lab/echo`)).status).toBe(401);
    }
  });

  it('leaves open the minimal health, its probes, and the empty dashboard, which name no server and no tool', async () => {
    const { url } = await serve({ servers, apiKey: 'k' });
    const open = { '/health': 200, '/health/ready': 200, '/health/live': 200, '/dashboard': 401 };
    for (const [path, status] of Object.entries(open)) {
      const answer = await fetch(url + path, { headers: { Accept: 'text/html' } });
      expect([path, answer.status]).toEqual([path, status]);
      expect(await answer.text()).not.toMatch(/\blab\b|echo/);
    }
    const detailed = await fetch(`${url}/health`, { headers: { 'X-API-Key': 'k' } });
    expect(await detailed.json()).toMatchObject({ servers: { lab: { state: 'up' } } });
  });

  it('is asked before the body is read: a stranger cannot make the router read one', async () => {
    const { url } = await serve({ servers, apiKey: 'k', bodyLimit: 10 });
    const { status } = await post(`${url}/lab/echo`, { args: { a: 'x'.repeat(1_000) } });
    expect(status).toBe(401);
    const known = await post(`${url}/lab/echo`, { args: { a: 'x'.repeat(1_000) }, headers: { 'X-API-Key': 'k' } });
    expect(known.status).toBe(413);
  });

  it('cannot be empty by mistake', async () => {
    for (const apiKey of ['', [], [''], ' ', 'a b', null]) {
      await expect(serve({ servers, apiKey: apiKey as never })).rejects.toThrow('apiKey');
    }
  });

  // Comparison in constant time, and keys in wrong places: `attack-keys.test.ts`.
});
