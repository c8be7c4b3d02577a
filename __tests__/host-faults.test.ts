import { Forked } from './support/forked';
import { type Answer, post } from './support/post';

/** The code of the host runs in a process of its own, as an unhandled rejection must end it to be seen. */
let app: Forked;
let url: string;
const starting = (kind: string): void => {
  beforeAll(async () => {
    app = new Forked('host-app.ts', [kind]);
    url = await app.next<string>();
  });
  afterAll(() => app.end());
};

const call = (path: string, args: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  post(`${url}${path}`, { args, headers });
const INTERNAL = { status: 500, body: expect.objectContaining({ code: 'MCPO_INTERNAL' }) };

async function warnings(): Promise<readonly string[]> {
  return (await (await fetch(`${url}/warnings`)).json()) as string[];
}

describe('what a parser of the host makes of a body', () => {
  starting('bodies');

  describe.each(['memory', 'async', 'off'])('with the cache %s', (cache) => {
    it.each(['date', 'map', 'instance', 'symbol', 'function', 'throwing', 'circular'])(
      'is 500 for one call when it is no JSON: %s',
      async (kind) => {
        for (const tool of ['read', 'write']) {
          expect(await call(`/${cache}/lab/${tool}`, { a: [kind] })).toMatchObject(INTERNAL);
          expect(await call(`/${cache}/lab/${tool}`, { a: ['b', { c: null }] })).toMatchObject({
            status: 200,
            body: { a: ['b', { c: null }] },
          });
        }
      },
    );
  });

  it('and is no argument where it is not JSON that came', async () => {
    const answer = await fetch(`${url}/async/lab/read`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: 'date',
    });
    expect(answer.status).toBe(415);
  });
});

describe('a layer of `use`', () => {
  starting('layers');

  it.each(['throwing', 'rejecting', 'throwing-after', 'answering-nothing', 'changing-the-call'])(
    'fails the request alone when it is %s',
    async (kind) => {
      for (const tool of ['read', 'write']) expect(await call(`/${kind}/lab/${tool}`)).toMatchObject(INTERNAL);
    },
  );
});

describe("a host's logger", () => {
  starting('loggers');

  it.each(['throwing', 'rejecting'])(
    'changes no answer when it is %s, and its first failure is told once',
    async (kind) => {
      const statuses = async (): Promise<readonly number[]> => {
        const answers = [
          await call(`/${kind}/lab/read`),
          await call(`/${kind}/lab/strict`),
          await call(`/${kind}/lab/none`),
          await call(`/${kind}/none/none`),
          await call(`/${kind}/lab/read`, {}, { 'x-fail': '1' }),
          await call(`/${kind}/lab/write`),
        ];
        return answers.map(({ status }) => status);
      };
      expect(await statuses()).toEqual([200, 422, 404, 404, 500, 200]);
      // Alerts are told a second later.
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      expect(await statuses()).toEqual([200, 422, 404, 404, 500, 200]);
      // Once for each router.
      const told = 'mcpo: the logger failed: boom of the host';
      expect(await warnings()).toEqual(kind === 'throwing' ? [told] : [told, told]);
    },
  );
});

describe('a callback of the host that only listens', () => {
  starting('listeners');

  it.each(['throwing', 'rejecting'])('fails no call when it is %s', async (kind) => {
    for (let round = 0; round < 2; round += 1) {
      for (const path of [`/${kind}/lab/read`, `/${kind}/lab/write`]) {
        expect(await call(path, { a: 1 })).toMatchObject({ status: 200, body: { a: 1 } });
      }
      expect(await call(`/${kind}-parts`)).toMatchObject({ body: expect.arrayContaining(['rejected', 'rejected']) });
      await new Promise((resolve) => setTimeout(resolve, 1_200));
    }
    expect(await warnings()).toContain('boom of the host');
  });
});

describe("the logger of a host's fleet", () => {
  starting('redis');

  it.each(['throwing', 'rejecting'])('fails no call when it is %s, and keeps Redis from nothing', async (kind) => {
    for (let round = 0; round < 2; round += 1) {
      expect(await call(`/${kind}/lab/read`, { a: 1 })).toMatchObject({ status: 200, body: { a: 1 } });
    }
    expect(await call(`/${kind}-probes`)).toMatchObject({ body: 'tried' });
    expect((await warnings()).some((message) => message.includes('logger') && message.includes('boom'))).toBe(true);
  });
});

describe('a tracer of the host', () => {
  starting('tracing');

  it('fails no call when it throws, and its first failure is told once', async () => {
    for (let round = 0; round < 4; round += 1) {
      expect(await call('/lab/lab/write', { round })).toMatchObject({ status: 200, body: { round } });
    }
    const told = (await warnings()).filter((message) => message.includes('boom of the host'));
    expect(told).toHaveLength(1);
  });
});
