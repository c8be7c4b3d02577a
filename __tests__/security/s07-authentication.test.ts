import { Lab, text } from '../support/lab';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();
const lab = new Lab().tool('echo', () => text('1'));
const servers = { lab: { connect: lab.connect } };
beforeEach(() => lab.runs.clear());

/** What is behind the key, and what of it says anything of the router. */
const CLOSED = [
  ...['/openapi.json', '/docs', '/docs/swagger-ui-bundle.js', '/metrics', '/metrics?format=json', '/dashboard/events'],
  ...['/lab/openapi.json', '/lab/docs', '/lab/echo', '/lab/none', '/none', '/', '/health/none', '/lab'],
];

describe('S7: a key, or a check of the host', () => {
  it.each([
    ['a key', { apiKey: 'k' }],
    ['a check that refuses', { authorize: () => false }],
    ['a check that refuses later', { authorize: () => Promise.resolve(false) }],
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
  ])('%s keeps everybody from everything, whether it exists or not', async (what, options) => {
    const { url } = await serve({ servers, ...options });
    for (const path of CLOSED) {
      for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']) {
        const answer = await fetch(url + path, { method });
        const expected = 'apiKey' in options || what.includes('refuses') || what.includes('nothing') ? 401 : 500;
        expect([method, path, answer.status]).toEqual([method, path, expected]);
        expect(await answer.text()).not.toMatch(/secret reason|"servers"|<html/);
      }
    }
    expect(lab.runs.size).toBe(0);
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
