import { mcpoRouter } from '../../lib';
import { headerServer } from '../support/header-server';
import type { Mounted } from '../support/hosts';
import { silent } from '../support/loggers';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving();
const KEY = 'own-key-of-the-router';
let upstream: Mounted;
beforeEach(async () => (upstream = await headerServer()));
afterEach(() => upstream.close());

async function seen(
  forwardHeaders: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const web = {
    type: 'streamable-http' as const,
    url: `${upstream.url}/mcp`,
    forwardHeaders: forwardHeaders as string[],
  };
  const { url } = await serve({ servers: { web }, apiKey: KEY });
  const { status, body } = await post(`${url}/web/headers`, { headers: { 'X-API-Key': KEY, ...headers } });
  expect(status).toBe(200);
  return body as Record<string, string>;
}

const SENT = {
  Cookie: 'c=1',
  'X-Tenant': 't',
  Authorization: 'Bearer user',
  'X-Forwarded-For': '10.0.0.1',
  'X-Other': 'o',
};

describe('S4: headers of a caller', () => {
  it('go nowhere by default', async () => {
    const told = JSON.stringify(await seen(undefined, SENT));
    for (const value of ['c=1', 'Bearer user', '10.0.0.1', KEY]) expect(told).not.toContain(value);
    expect(told).not.toMatch(/x-tenant|x-other/);
  });

  it('go on where they are named, in any case, under a name of their own, and no others', async () => {
    const told = await seen({ 'x-TENANT': 'X-Org', AUTHORIZATION: true }, SENT);
    expect(told).toMatchObject({ 'x-org': 't', authorization: 'Bearer user' });
    for (const name of ['x-tenant', 'x-other', 'cookie', 'x-forwarded-for']) expect(told).not.toHaveProperty(name);
  });

  it('include a cookie only by name', async () => {
    expect(await seen(['Cookie'], SENT)).toMatchObject({ cookie: 'c=1' });
  });

  it.each([
    ['as a Bearer token', { Authorization: `Bearer ${KEY}` }],
    ['as a Bearer token in another case', { Authorization: `bEARER  ${KEY}` }],
    ['bare', { 'X-Tenant': KEY }],
    ['under the name that it has here', {}],
  ])('never include our own API key, %s', async (_what, headers) => {
    const told = await seen(['Authorization', 'X-Tenant', 'X-API-Key'], headers);
    expect(JSON.stringify(told)).not.toContain(KEY);
  });

  it.each([
    ...[
      'Host',
      'Connection',
      'Keep-Alive',
      'Proxy-Authorization',
      'TE',
      'Trailer',
      'Transfer-Encoding',
      'Upgrade',
      'Expect',
    ],
    ...[
      'Content-Length',
      'Content-Type',
      'Content-Encoding',
      'Accept',
      'Mcp-Session-Id',
      'Last-Event-ID',
      'Sec-Fetch-Site',
    ],
  ])('may not include %s, neither as it comes nor as it goes', (name) => {
    for (const forwardHeaders of [[name], [name.toLowerCase()], { 'X-A': name }, { [name]: 'X-A' }]) {
      const make = (): unknown =>
        mcpoRouter({ servers: { web: { url: upstream.url, forwardHeaders } }, logger: silent });
      expect(make).toThrow('which is never forwarded');
    }
  });

  // Values over 4 KiB and with control characters: `attack-headers.test.ts`.
});
