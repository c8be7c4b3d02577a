import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { Authenticator } from '../../lib/auth/authenticator';
import { LightClient } from '../support/callers';
import { Lab, text } from '../support/lab';
import { figures, medians, spread } from '../support/medians';
import { silent } from '../support/loggers';
import { post } from '../support/post';
import { rawPost, sendRaw } from '../support/raw-http';
import { serving } from '../support/serve';

const serve = serving();

const KEY = 'k9Qx2Lw7Zr4Tn8Vb3Hs6Jd1Fg5Yc0Pm';
/** Guesses of which a comparison that ends early would tell one from the other. */
const GUESSES = {
  'wrong at the first byte': `X${KEY.slice(1)}`,
  'wrong at the last byte': `${KEY.slice(0, -1)}X`,
  'wrong everywhere': 'X'.repeat(KEY.length),
  'too short': KEY.slice(0, -1),
  'too long': `${KEY}X`,
} as const;
/** What a busy machine can make of equal times. A comparison that ends early is further off by far: see the control. */
const MAX_SPREAD = 1.5;

const BATCH = 50;
const ROUNDS = 200;

function each<T>(act: (guess: string) => T): Record<keyof typeof GUESSES, () => T> {
  return Object.fromEntries(Object.entries(GUESSES).map(([name, guess]) => [name, () => act(guess)])) as never;
}

/** Many tries in one sample: one alone is at the edge of what a clock can tell. */
function often(act: () => unknown): void {
  for (let count = 0; count < BATCH; count += 1) act();
}

function carrying(key: string): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.headers.authorization = `Bearer ${key}`;
  return request;
}

describe('a wrong key', () => {
  it(`takes as long wherever it is wrong: ${String(ROUNDS * BATCH)} tries of each`, async () => {
    const authenticator = new Authenticator(
      {
        apiKeys: [KEY, `other-${KEY}`],
        authorize: undefined,
        isOpenOnPurpose: false,
        allowedOrigins: new Set(),
        allowedHosts: new Set(),
      },
      silent,
    );
    expect(authenticator.refusal(carrying(KEY))).toBeUndefined();
    const tries = each((guess) => {
      const request = carrying(guess);
      if (authenticator.refusal(request) === undefined) throw new Error('a wrong key is let in');
      often(() => authenticator.refusal(request));
    });
    await medians(20, tries); // until it is compiled
    const times = await medians(ROUNDS, tries);
    process.stdout.write(`keys, ${String(BATCH)} tries at a time: ${figures(times)}\n`);
    expect(spread(times)).toBeLessThan(MAX_SPREAD);
  });

  it('would be told by this measurement from one that is compared byte by byte (control)', async () => {
    const leaky = (guess: string): boolean => {
      for (let at = 0; at < KEY.length; at += 1) if (guess.charCodeAt(at) !== KEY.charCodeAt(at)) return false;
      return guess.length === KEY.length;
    };
    const times = await medians(
      ROUNDS,
      each((guess) => {
        for (let count = 0; count < 20; count += 1) often(() => leaky(guess));
      }),
    );
    process.stdout.write(`keys, byte by byte (control): ${figures(times)}\n`);
    expect(times['wrong at the last byte'] / times['wrong at the first byte']).toBeGreaterThan(MAX_SPREAD);
  });

  it('takes as long over HTTP, and is answered alike', async () => {
    const lab = new Lab().tool('good', () => text('1'));
    const { url } = await serve({ servers: { lab: { connect: lab.connect } }, apiKey: KEY });
    const client = new LightClient();
    const answers = new Set<string>();
    const tries = each(async (guess) => {
      const { status, headers, body } = await client.post(`${url}/lab/good`, {}, { authorization: `Bearer ${guess}` });
      const { requestId: _, ...problem } = JSON.parse(body) as Record<string, unknown>;
      answers.add(JSON.stringify([status, headers['www-authenticate'], headers['content-length'], problem]));
    });
    await medians(20, tries);
    const times = await medians(300, tries);
    client.close();
    process.stdout.write(`keys over HTTP, 300 tries of each: ${figures(times)}\n`);
    expect(spread(times)).toBeLessThan(MAX_SPREAD);
    expect([...answers]).toEqual([
      expect.stringMatching(/^\[401,"Bearer realm=\\"express-mcpo\\", error=\\"invalid_token\\""/),
    ]);
    expect(lab.runs.size).toBe(0);
  });
});

describe('the right key in the wrong place', () => {
  const lab = new Lab().tool('good', () => text('1'));
  const options = { servers: { lab: { connect: lab.connect } }, apiKey: KEY };

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ['a query', {}, `?api_key=${KEY}&access_token=${KEY}&key=${KEY}&x-api-key=${KEY}`],
    ['a cookie', { Cookie: `X-API-Key=${KEY}; authorization=Bearer ${KEY}` }, ''],
    ['Basic authorization', { Authorization: `Basic ${Buffer.from(`key:${KEY}`).toString('base64')}` }, ''],
    ['another scheme', { Authorization: `Token ${KEY}` }, ''],
    ['Proxy-Authorization', { 'Proxy-Authorization': `Bearer ${KEY}` }, ''],
    ['X-Forwarded-Authorization', { 'X-Forwarded-Authorization': `Bearer ${KEY}` }, ''],
    ['another header', { 'Api-Key': KEY, 'X-Auth-Token': KEY, X_API_Key: KEY }, ''],
    ['X-API-Key with a scheme', { 'X-API-Key': `Bearer ${KEY}` }, ''],
    ['Authorization without one', { Authorization: KEY }, ''],
    ['quotes', { Authorization: `Bearer "${KEY}"`, 'X-API-Key': `"${KEY}"` }, ''],
    ['another case', { 'X-API-Key': KEY.toUpperCase() }, ''],
    ['a list', { 'X-API-Key': `${KEY}, ${KEY}` }, ''],
  ])('is none: %s', async (_what, headers, query) => {
    const { url } = await serve(options);
    const { status, body } = await post(`${url}/lab/good${query}`, { args: { apiKey: KEY }, headers });
    expect([status, (body as { code: string }).code]).toEqual([401, 'MCPO_UNAUTHORIZED']);
    expect(JSON.stringify(body)).not.toContain(KEY);
    expect(lab.runs.size).toBe(0);
  });

  it.each([
    ['the first of two Authorization headers counts', [`Authorization: Bearer ${KEY}`, 'Authorization: Bearer x'], 200],
    ['the second does not', ['Authorization: Bearer x', `Authorization: Bearer ${KEY}`], 401],
    ['two keys are a list, and none', [`X-API-Key: ${KEY}`, `X-API-Key: ${KEY}`], 401],
  ])('sent twice: %s', async (_what, lines, status) => {
    const { url } = await serve(options);
    expect((await sendRaw(url, rawPost('/mcp/lab/good', lines))).status).toBe(status);
    lab.runs.clear();
  });
});
