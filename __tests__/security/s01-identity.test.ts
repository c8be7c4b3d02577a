import type { McpoOptions } from '../../lib';
import { GatedLab } from '../support/gated-lab';
import { until } from '../support/deferred';
import { headerServer } from '../support/header-server';
import type { Mounted } from '../support/hosts';
import { post } from '../support/post';
import { serving } from '../support/serve';

const serve = serving(undefined, { cache: true });
let upstream: Mounted;
beforeEach(async () => (upstream = await headerServer()));
afterEach(() => upstream.close());

/** A server over HTTP that answers with the headers it is sent, and whose answers are kept. */
function options(more: Partial<McpoOptions> = {}): McpoOptions {
  const web = { type: 'streamable-http' as const, url: `${upstream.url}/mcp`, forwardHeaders: ['Authorization'] };
  return { servers: { web }, access: { 'web/*': 'read' }, ...more };
}

interface Told {
  readonly who: string | undefined;
  readonly session: string;
  readonly cache: string;
}

async function ask(url: string, headers: Readonly<Record<string, string>>): Promise<Told> {
  const { body, header } = await post(`${url}/web/headers`, { headers });
  const { authorization, session } = body as { authorization?: string; session: string };
  return { who: authorization, session, cache: header('cache-status')?.split('; ')[1] ?? '' };
}

describe('S1: identity is in every key', () => {
  it('of the cache and of the pool: two callers with headers of their own never meet', async () => {
    const { url } = await serve(options());
    const [ada, eve] = [{ authorization: 'Bearer ada' }, { authorization: 'Bearer eve' }];
    const told = [await ask(url, ada), await ask(url, eve), await ask(url, ada), await ask(url, {})];
    expect(told.map(({ who, cache }) => [who, cache])).toEqual([
      ['Bearer ada', 'fwd=miss'],
      ['Bearer eve', 'fwd=miss'],
      ['Bearer ada', 'hit'],
      [undefined, 'fwd=miss'],
    ]);
    expect(new Set(told.map(({ session }) => session)).size).toBe(3);
  });

  it('two API keys are two callers, and one host may say who calls instead', async () => {
    const { url } = await serve(options({ apiKey: ['one', 'two'] }));
    const caches = async (names: readonly string[], header: string, at: string): Promise<readonly string[]> => {
      const all: string[] = [];
      for (const name of names) all.push((await ask(at, { [header]: name })).cache);
      return all;
    };
    expect(await caches(['one', 'two', 'one'], 'x-api-key', url)).toEqual(['fwd=miss', 'fwd=miss', 'hit']);
    const named = await serve(options({ principal: (req) => String(req.headers['x-user']) }));
    expect(await caches(['ada', 'eve', 'ada'], 'x-user', named.url)).toEqual(['fwd=miss', 'fwd=miss', 'hit']);
  });

  it('credentials that nobody can put a name to are neither kept nor shared', async () => {
    const { url, mcpo } = await serve(options({ principal: () => undefined }));
    for (let round = 0; round < 2; round += 1) {
      expect(await ask(url, { authorization: 'Bearer ada' })).toMatchObject({ who: 'Bearer ada', cache: 'fwd=bypass' });
    }
    expect(mcpo.cache.stats.default?.size).toBe(0);
  });

  it('of calls in flight: equal ones of two callers run each', async () => {
    const gated = new GatedLab().tool('read', { readOnlyHint: true });
    const { url } = await serve({ servers: { lab: gated.server }, apiKey: ['one', 'two'] });
    const calls = ['one', 'two', 'one'].map((key) => post(`${url}/lab/read`, { headers: { 'x-api-key': key } }));
    await until(() => gated.begun === 2);
    gated.openAll();
    const answers = await Promise.all(calls);
    expect(answers[0]?.body).toBe(answers[2]?.body);
    expect([gated.begun, answers[0]?.body === answers[1]?.body]).toEqual([2, false]);
  });

  it('and of no metric', async () => {
    const { url } = await serve(options({ principal: (req) => String(req.headers['x-user']) }));
    await ask(url, { 'x-user': 'ada-lovelace', authorization: 'Bearer ada-secret' });
    for (const page of ['/metrics', '/metrics?format=json'])
      expect(await (await fetch(url + page)).text()).not.toMatch(/ada/);
  });
});
