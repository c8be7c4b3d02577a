import request from 'supertest';
import { Lab, text } from '../support/lab';
import { silent } from '../support/loggers';
import { serving } from '../support/serve';

const serve = serving();
const lab = new Lab().tool('wipe', () => text('wiped'), {
  inputSchema: { type: 'object' },
  annotations: { readOnlyHint: true },
});
beforeEach(() => lab.runs.clear());
const start = async (more = {}): Promise<string> =>
  (await serve({ servers: { lab: { connect: lab.connect } }, ...more })).url;

/** A browser's own words are in `attack-browser.test.ts`; here are those of older ones and of none. */
describe('S3: browsers', () => {
  it.each(['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x'])(
    'a tool without arguments takes no body of %s either, whoever sends it',
    async (type) => {
      const response = await request(await start())
        .post('/lab/wipe')
        .set('Content-Type', type)
        .send('{}');
      expect([response.status, lab.runs.size]).toEqual([415, 0]);
    },
  );

  it('a body without a type, or with two, is none of JSON', async () => {
    for (const type of ['', 'application/json, text/plain', 'text/plain; application/json', 'application/jsonp']) {
      const init = {
        method: 'POST',
        body: new Uint8Array([123, 125]),
        ...(type !== '' && { headers: { 'content-type': type } }),
      };
      expect([type, (await fetch(`${await start()}/lab/wipe`, init)).status]).toEqual([type, 415]);
    }
    expect(lab.runs.size).toBe(0);
  });

  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    '%s runs no tool, a reading one neither',
    async (method) => {
      const response = await fetch(`${await start()}/lab/wipe`, { method });
      expect([response.status, response.headers.get('allow'), lab.runs.size]).toEqual([405, 'POST', 0]);
    },
  );

  it('a form is no POST by another name: nobody looks at _method or X-HTTP-Method-Override', async () => {
    const headers = { 'X-HTTP-Method-Override': 'POST', 'X-Method-Override': 'POST' };
    expect(
      (
        await request(await start())
          .get('/lab/wipe?_method=POST')
          .set(headers)
      ).status,
    ).toBe(405);
    expect(lab.runs.size).toBe(0);
  });

  it('no answer lets another origin read it, that to a preflight included', async () => {
    const url = await start({ allowedOrigins: ['https://app.example'] });
    for (const origin of ['https://evil.example', 'https://app.example', 'null']) {
      const preflight = {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type',
      };
      for (const response of [
        await request(url).options('/lab/wipe').set(preflight),
        await request(url).post('/lab/wipe').set('Origin', origin).send({}),
        await request(url).get('/openapi.json').set('Origin', origin),
      ]) {
        expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
      }
    }
  });

  it.each([
    ['https://evil.example', 403],
    ['null', 403],
    ['http://127.0.0.1', 403],
    ['https://app.example', 200],
    ['https://app.example:444', 403],
    ['https://app.example.evil.example', 403],
    ['https://evil.example/https://app.example', 403],
    ['https://APP.example', 403],
    ['http://app.example', 403],
    ['file://', 403],
    ['chrome-extension://abcdef', 403],
    ['', 403],
  ])('a POST with the Origin %j is %i', async (origin, status) => {
    const url = await start({ allowedOrigins: ['https://app.example'] });
    expect((await request(url).post('/lab/wipe').set('Origin', origin).send({})).status).toBe(status);
  });

  it.each([
    ['evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1@evil.example', 403],
    ['evil.example#.localhost', 403],
    ['evil.example, localhost', 403],
    ['127.0.0.1', 200],
    ['localhost:1', 200],
    ['LOCALHOST', 200],
    ['app.localhost', 200],
    ['[::1]:80', 200],
    ['127.9.9.9', 200],
    ['0.0.0.0', 403],
    ['2130706433', 403],
    ['tools.example:443', 200],
  ])('a POST with the Host %j on a loopback socket is %i', async (host, status) => {
    const url = await start({ allowedHosts: ['tools.example'] });
    expect((await request(url).post('/lab/wipe').set('Host', host).send({})).status).toBe(status);
  });

  it('X-Forwarded-Host, Forwarded and X-Original-URL change nothing', async () => {
    const headers = { Host: 'evil.example', 'X-Forwarded-Host': 'localhost', Forwarded: 'host=localhost' };
    expect(
      (
        await request(await start())
          .post('/lab/wipe')
          .set(headers)
          .send({})
      ).status,
    ).toBe(403);
    const rewritten = { 'X-Original-URL': '/mcp/lab/wipe', 'X-Rewrite-URL': '/mcp/lab/wipe' };
    expect(
      (
        await request(await start())
          .post('/health')
          .set(rewritten)
          .send({})
      ).status,
    ).toBe(405);
    expect(lab.runs.size).toBe(0);
  });

  it.each([
    ['Host', 'Tools.example:8443', '"tools.example"', 'allowedHosts'],
    ['Host', 'tools.example', '"tools.example"', 'allowedHosts'],
    ['Origin', 'https://app.example', '"https://app.example"', 'allowedOrigins'],
    ['Sec-Fetch-Site', 'cross-site', 'another site', 'allowedOrigins'],
  ])(
    'a refusal for %s: %s names in the log, once, the option that allows it, and not in the answer',
    async (header, value, named, option) => {
      const warn = jest.fn<undefined, [string]>();
      const url = await start({ logger: { ...silent, warn } });
      for (let n = 0; n < 2; n++) {
        const { status, body } = await request(url).post('/lab/wipe').set(header, value).send({});
        expect([status, JSON.stringify(body)]).toEqual([403, expect.not.stringMatching(/example|allowed[HO]/)]);
      }
      expect(warn.mock.calls).toEqual([[expect.stringContaining(named)]]);
      expect(warn.mock.calls[0]?.[0]).toContain(option);
    },
  );

  it('what is logged of hosts and origins is bounded, in lines and in length', async () => {
    const warn = jest.fn<undefined, [string]>();
    const url = await start({ logger: { ...silent, warn } });
    for (let n = 0; n < 150; n++) {
      const long = `https://${'a'.repeat(1_000)}${String(n)}.example`;
      await request(url)
        .post('/lab/wipe')
        .set(n % 2 ? 'Origin' : 'Host', n % 2 ? `${String(n)}${long}` : `h${String(n)}.example`)
        .send({});
    }
    expect(warn).toHaveBeenCalledTimes(100);
    for (const [line] of warn.mock.calls) expect(line.length).toBeLessThan(400);
  });
});
