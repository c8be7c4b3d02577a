import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { McpError } from '@modelcontextprotocol/sdk/types.js';
import { type McpoOptions, type McpoRouter, mcpoRouter } from '../../lib';
import { deferred, until } from './deferred';
import type { Host, Mounted } from './hosts';
import { Lab, text } from './lab';
import { silent } from './loggers';
import { rawPost, sendRaw } from './raw-http';

const SUM = {
  inputSchema: {
    type: 'object' as const,
    properties: { a: { type: 'number' }, b: { type: 'number' } },
    required: ['a', 'b'],
    additionalProperties: false,
  },
};

function makeLab(): Lab {
  return new Lab()
    .tool('echo', ({ args }) => text(JSON.stringify(args)))
    .tool('sum', ({ args }) => text(String(Number(args.a) + Number(args.b))), SUM)
    .tool('no-args', () => text('done'), { inputSchema: { type: 'object', properties: {} } })
    .tool('two', () => ({
      content: [
        { type: 'text', text: 'one' },
        { type: 'text', text: '2' },
      ],
    }))
    .tool('nothing', () => ({ content: [] }))
    .tool('plain', () => text('not JSON'))
    .tool('big-number', () => text('{"id": 12345678901234567890}'))
    .tool('structured', () => ({ content: [{ type: 'text', text: 'x' }], structuredContent: { n: null, deep: [1] } }))
    .tool('picture', () => ({ content: [{ type: 'image', data: 'aGk=', mimeType: 'image/png' }] }))
    .tool('sound', () => ({ content: [{ type: 'audio', data: 'aGk=', mimeType: 'audio/wav' }] }))
    .tool('link', () => ({ content: [{ type: 'resource_link', uri: 'file:///a', name: 'a', mimeType: 'text/plain' }] }))
    .tool('resource', () => ({ content: [{ type: 'resource', resource: { uri: 'file:///a', text: '{"as":"is"}' } }] }))
    .tool('blob', () => ({
      content: [{ type: 'resource', resource: { uri: 'file:///a', blob: 'aGk=', mimeType: 'image/png' } }],
    }))
    .tool('broken', () => ({ isError: true, content: [{ type: 'text', text: 'it broke' }] }))
    .tool('rpc', ({ args }) => {
      throw new McpError(Number(args.code), 'as asked');
    })
    .tool('dot.name/slash', () => text('reached'))
    .tool('Größe 100%', () => text('gemessen'))
    .tool('{braces}', () => text('plain'))
    .tool('a/../b', () => text('not normalised'));
}

/** What every caller may rely on over HTTP, however the router is mounted. */
export function httpBehaviour(host: Host): void {
  describe(`HTTP, mounted in ${host.name}`, () => {
    let mounted: Mounted;
    let mcpo: McpoRouter;
    const open: { mcpo: McpoRouter; mounted: Mounted }[] = [];

    async function serve(
      options: Partial<McpoOptions> = {},
      lab = makeLab(),
    ): Promise<{ mcpo: McpoRouter; mounted: Mounted }> {
      const router = mcpoRouter({ servers: { lab: { connect: lab.connect } }, logger: silent, ...options });
      await router.ready();
      const at = await host.mount(router);
      open.push({ mcpo: router, mounted: at });
      return { mcpo: router, mounted: at };
    }

    beforeAll(async () => {
      ({ mcpo, mounted } = await serve());
    });
    afterAll(async () => {
      for (const each of open) {
        await each.mcpo.close();
        await each.mounted.close();
      }
    });

    const call = (tool: string, args?: object): request.Test =>
      args === undefined
        ? request(mounted.url).post(`/lab/${tool}`)
        : request(mounted.url).post(`/lab/${tool}`).send(args);

    describe('success', () => {
      it.each([
        ['a text that is JSON', 'echo', { a: [1, null, { b: 'ü' }] }, { a: [1, null, { b: 'ü' }] }],
        ['a number in a text', 'sum', { a: 2, b: 40 }, 42],
        ['a text that is not JSON', 'plain', {}, 'not JSON'],
        ['several items as an array', 'two', {}, ['one', 2]],
        ['no items as an empty array', 'nothing', {}, []],
        ['structured content alone', 'structured', {}, { n: null, deep: [1] }],
        ['an image as a data URL', 'picture', {}, 'data:image/png;base64,aGk='],
        ['audio as a data URL', 'sound', {}, 'data:audio/wav;base64,aGk='],
        ['a resource link', 'link', {}, { uri: 'file:///a', name: 'a', mimeType: 'text/plain' }],
        ['an embedded text resource as its text', 'resource', {}, '{"as":"is"}'],
        ['an embedded binary resource as a data URL', 'blob', {}, 'data:image/png;base64,aGk='],
      ])('answers %s', async (_what, tool, args, body) => {
        const response = await call(tool, args);
        expect(response.status).toBe(200);
        expect(response.headers['content-type']).toBe('application/json');
        expect(JSON.parse(response.text)).toEqual(body);
      });

      it.each(['http', 'HTTPS'])('takes a request target in absolute form, with %s', async (scheme) => {
        const { pathname } = new URL(mounted.url);
        const base = `${scheme}://example.com:8080${pathname === '/' ? '' : pathname}`;
        const found = await sendRaw(mounted.url, rawPost(`${base}/lab/no-args?a=http://b/c`));
        expect([found.status, found.body]).toEqual([200, '"done"']);
        const missing = await sendRaw(mounted.url, rawPost(`${base}/lab/missing?secret`));
        expect([missing.status, JSON.parse(missing.body)]).toMatchObject([
          404,
          { code: 'MCPO_UNKNOWN_TOOL', instance: new URL(`${mounted.url}/lab/missing`).pathname },
        ]);
      });

      it('keeps the digits of numbers that JavaScript cannot hold', async () => {
        const response = await call('big-number', {});
        expect(response.text).toBe('{"id": 12345678901234567890}');
      });

      it('takes no body as no arguments', async () => {
        const response = await call('no-args');
        expect([response.status, response.body]).toEqual([200, 'done']);
        expect((await call('echo')).body).toEqual({});
      });

      it('adds, drops, renames and coerces nothing', async () => {
        const args = { _x: null, extra: '7', nested: { $ref: 'x', constructor: 1 }, list: [] };
        expect((await call('echo', args)).body).toEqual(args);
      });

      it('hands on prototype names as ordinary keys', async () => {
        const lab = makeLab();
        const at = await serve({}, lab);
        const body = '{"__proto__":{"polluted":true},"toString":1}';
        const response = await request(at.mounted.url)
          .post('/lab/echo')
          .set('Content-Type', 'application/json')
          .send(body);
        expect(response.status).toBe(200);
        expect(lab.sent.at(-1)).toContain(`"arguments":${body}`);
        expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
      });

      it('hands out the whole MCP result when it is asked for', async () => {
        const response = await call('two', {}).set('Accept', 'application/vnd.mcp+json');
        expect(response.headers['content-type']).toBe('application/vnd.mcp+json');
        expect(JSON.parse(response.text)).toEqual({
          content: [
            { type: 'text', text: 'one' },
            { type: 'text', text: '2' },
          ],
        });
      });

      it.each([
        ['dot.name/slash', 'dot.name/slash', 'reached'],
        ['an encoded slash', 'dot.name%2Fslash', 'reached'],
        ['unicode, a space and a per cent sign', 'Gr%C3%B6%C3%9Fe%20100%25', 'gemessen'],
        ['braces', '%7Bbraces%7D', 'plain'],
        ['dot segments', 'a%2F..%2Fb', 'not normalised'],
      ])('reaches a tool whose name has %s', async (_what, path, body) => {
        const response = await call(path, {});
        expect([response.status, response.body]).toEqual([200, body]);
      });

      it('reads a compressed body', async () => {
        const response = await request(mounted.url)
          .post('/lab/echo')
          .set({ 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' })
          .serialize((value: unknown) => value as string)
          .send(gzipSync('{"a":1}') as never);
        expect([response.status, response.body]).toEqual([200, { a: 1 }]);
      });

      it('gives each request an id and keeps one that came along', async () => {
        const fresh = await call('no-args');
        expect(fresh.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
        const given = await call('no-args').set('X-Request-Id', 'trace-1');
        expect(given.headers['x-request-id']).toBe('trace-1');
        const unsafe = await call('no-args').set('X-Request-Id', 'a b"c');
        expect(unsafe.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
      });
    });

    describe('errors', () => {
      const raw = (body: string | Buffer, type = 'application/json'): request.Test =>
        request(mounted.url)
          .post('/lab/echo')
          .set('Content-Type', type)
          .serialize((v: unknown) => v as string)
          .send(body as never);

      it.each<[string, () => request.Test, number, string]>([
        ['an unknown tool', () => call('nope', {}), 404, 'MCPO_UNKNOWN_TOOL'],
        ['an unknown server', () => request(mounted.url).post('/nope/echo').send({}), 404, 'MCPO_UNKNOWN_SERVER'],
        ['a server without a tool', () => request(mounted.url).post('/lab').send({}), 404, 'MCPO_UNKNOWN_TOOL'],
        ['a prototype name as a tool', () => call('constructor', {}), 404, 'MCPO_UNKNOWN_TOOL'],
        [
          'a prototype name as a server',
          () => request(mounted.url).post('/__proto__/echo').send({}),
          404,
          'MCPO_UNKNOWN_SERVER',
        ],
        ['malformed percent-encoding', () => call('%E0%A4%A', {}), 404, 'MCPO_UNKNOWN_TOOL'],
        [
          'malformed percent-encoding in the server',
          () => request(mounted.url).post('/%E0%A4%A/x'),
          404,
          'MCPO_UNKNOWN_SERVER',
        ],
        ['a name with a NUL', () => call('echo%00', {}), 404, 'MCPO_UNKNOWN_TOOL'],
        ['a doubled slash', () => request(mounted.url).post('/lab//echo').send({}), 404, 'MCPO_UNKNOWN_TOOL'],
        ['GET on a tool', () => request(mounted.url).get('/lab/echo'), 405, 'MCPO_METHOD_NOT_ALLOWED'],
        ['PUT on a tool', () => request(mounted.url).put('/lab/echo').send({}), 405, 'MCPO_METHOD_NOT_ALLOWED'],
        ['POST on a page', () => request(mounted.url).post('/openapi.json').send({}), 405, 'MCPO_METHOD_NOT_ALLOWED'],
        ['bad JSON', () => raw('{"a":'), 400, 'MCPO_INVALID_JSON'],
        [
          'a body that is not UTF-8',
          () => raw(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
          400,
          'MCPO_INVALID_JSON',
        ],
        ['an array', () => raw('[]'), 400, 'MCPO_INVALID_BODY'],
        ['null', () => raw('null'), 400, 'MCPO_INVALID_BODY'],
        ['a text body', () => raw('{}', 'text/plain'), 415, 'MCPO_UNSUPPORTED_MEDIA_TYPE'],
        ['a form', () => raw('a=1', 'application/x-www-form-urlencoded'), 415, 'MCPO_UNSUPPORTED_MEDIA_TYPE'],
        ['another charset', () => raw('{}', 'application/json; charset=utf-16'), 415, 'MCPO_UNSUPPORTED_MEDIA_TYPE'],
        ['an unknown encoding', () => raw('{}').set('Content-Encoding', 'zstd-x'), 415, 'MCPO_UNSUPPORTED_MEDIA_TYPE'],
        ['a 2 MiB body', () => raw(`"${'x'.repeat(2 * 1_048_576)}"`), 413, 'MCPO_BODY_TOO_LARGE'],
        [
          'a small body that unpacks to 2 MiB',
          () => raw(gzipSync(Buffer.alloc(2 * 1_048_576, 32))).set('Content-Encoding', 'gzip'),
          413,
          'MCPO_BODY_TOO_LARGE',
        ],
        ['a body that is no gzip', () => raw('{}').set('Content-Encoding', 'gzip'), 400, 'MCPO_INVALID_JSON'],
        ['a wrong type', () => call('sum', { a: '2', b: 40 }), 422, 'MCPO_INVALID_ARGUMENTS'],
        ['a failing tool', () => call('broken', {}), 500, 'MCPO_TOOL_ERROR'],
        ['JSON-RPC -32700', () => call('rpc', { code: -32700 }), 400, 'MCPO_REJECTED'],
        ['JSON-RPC -32600', () => call('rpc', { code: -32600 }), 400, 'MCPO_REJECTED'],
        ['JSON-RPC -32601', () => call('rpc', { code: -32601 }), 500, 'MCPO_SERVER_ERROR'],
        ['JSON-RPC -32602', () => call('rpc', { code: -32602 }), 422, 'MCPO_INVALID_ARGUMENTS'],
        ['JSON-RPC -32603', () => call('rpc', { code: -32603 }), 500, 'MCPO_SERVER_ERROR'],
        ['any other JSON-RPC error', () => call('rpc', { code: -32000 }), 500, 'MCPO_SERVER_ERROR'],
      ])('answers %s with problem details', async (_what, send, status, code) => {
        const response = await send();
        expect(response.headers['content-type']).toBe('application/problem+json');
        const problem = JSON.parse(response.text) as Record<string, unknown>;
        expect([response.status, problem.status, problem.code]).toEqual([status, status, code]);
        expect(problem).toMatchObject({
          type: expect.stringMatching(/^urn:/),
          title: expect.any(String),
          detail: expect.any(String),
        });
        expect(problem.instance).toEqual(expect.stringMatching(/^\//));
        expect(problem.requestId).toBe(response.headers['x-request-id']);
        expect(response.text).not.toMatch(/node_modules|\.ts:|\bat .*\(/);
      });

      it('says which methods are allowed', async () => {
        expect((await request(mounted.url).get('/lab/echo')).headers.allow).toBe('POST');
        expect((await request(mounted.url).post('/health')).headers.allow).toBe('GET, HEAD');
      });

      it('leaves the tools of a server whose name is that of a page alone', async () => {
        const lab = makeLab().tool('ready', () => text('a tool'));
        const at = await serve({ servers: { health: { connect: lab.connect } } });
        expect((await request(at.mounted.url).post('/health/ready').send({})).body).toBe('a tool');
        expect((await request(at.mounted.url).get('/health/ready')).body).toEqual({ status: 'healthy' });
      });

      it('points at the wrong argument', async () => {
        const response = await call('sum', { a: '2' });
        expect(JSON.parse(response.text)).toMatchObject({
          server: 'lab',
          tool: 'sum',
          detail: '/b is required, and 1 more',
          errors: expect.arrayContaining([
            { pointer: '/a', message: expect.any(String) },
            { pointer: '/b', message: expect.any(String) },
          ]),
        });
      });

      it("gives a failing tool's own text as the detail", async () => {
        expect(JSON.parse((await call('broken', {})).text)).toMatchObject({ detail: 'it broke' });
      });

      it('leaves the query, which may hold secrets, out of the problem', async () => {
        const response = await request(mounted.url).post('/lab/nope?token=secret').send({});
        expect(response.text).not.toContain('secret');
      });
    });

    describe('authentication', () => {
      it('asks for the key everywhere but on the minimal health page', async () => {
        const at = await serve({ apiKey: ['k-1', 'k-2'] });
        for (const path of ['/openapi.json', '/docs', '/lab/openapi.json', '/lab/docs', '/lab/echo', '/nope']) {
          const response = await request(at.mounted.url).get(path);
          expect([path, response.status]).toEqual([path, 401]);
          expect(response.headers['www-authenticate']).toBe('Bearer realm="express-mcpo"');
        }
        expect((await request(at.mounted.url).get('/health')).body).toEqual({ status: 'healthy' });
        expect((await request(at.mounted.url).get('/health/ready')).body).toEqual({ status: 'healthy' });
        expect((await request(at.mounted.url).get('/health/live')).body).toEqual({ status: 'alive' });
        const detailed = await request(at.mounted.url).get('/health').set('X-API-Key', 'k-2');
        expect(detailed.body).toMatchObject({ status: 'healthy', servers: { lab: { state: 'up' } } });
      });

      it.each<[string, Record<string, string>, number]>([
        ['a Bearer token', { Authorization: 'Bearer k-1' }, 200],
        ['a Bearer token in any case of the scheme', { Authorization: 'bEARER k-2' }, 200],
        ['X-API-Key', { 'X-API-Key': 'k-2' }, 200],
        ['either of two, when one is right', { Authorization: 'Bearer of-another-system', 'X-API-Key': 'k-1' }, 200],
        ['a wrong key', { Authorization: 'Bearer k-3' }, 401],
        ['a prefix of the key', { 'X-API-Key': 'k-' }, 401],
        ['the key under another scheme', { Authorization: 'Basic k-1' }, 401],
        ['the key without a scheme', { Authorization: 'k-1' }, 401],
        ['the key in another header', { 'X-Key': 'k-1', Cookie: 'k-1' }, 401],
        ['an empty key', { 'X-API-Key': '' }, 401],
      ])('decides on %s', async (_what, headers, status) => {
        const at = await serve({ apiKey: ['k-1', 'k-2'] });
        const response = await request(at.mounted.url).post('/lab/no-args').set(headers);
        expect(response.status).toBe(status);
      });

      it("asks the host's own check, and lets nobody in when it fails", async () => {
        const at = await serve({
          authorize: (req) => {
            if (req.headers['x-user'] === 'boom') throw new Error('secret reason');
            return Promise.resolve(req.headers['x-user'] === 'ada');
          },
        });
        const as = (user: string): request.Test => request(at.mounted.url).post('/lab/no-args').set('X-User', user);
        expect((await as('ada')).status).toBe(200);
        expect((await as('eve')).status).toBe(401);
        const failed = await as('boom');
        expect(failed.status).toBe(401);
        expect(failed.text).not.toContain('secret');
      });
    });

    describe('browser defence', () => {
      const post = (headers: Record<string, string>, at = mounted): request.Test =>
        request(at.url).post('/lab/no-args').set(headers);

      it.each<[string, Record<string, string>, number]>([
        ['a cross-site request', { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' }, 403],
        [
          'a same-site request of another origin',
          { 'Sec-Fetch-Site': 'same-site', Origin: 'http://other.localhost' },
          403,
        ],
        ['a request from the own page', { 'Sec-Fetch-Site': 'same-origin' }, 200],
        ['a request of the user', { 'Sec-Fetch-Site': 'none' }, 200],
        ['a foreign Origin of an older browser', { Origin: 'https://evil.example' }, 403],
        ['an opaque Origin', { Origin: 'null' }, 403],
      ])('decides on %s', async (_what, headers, status) => {
        const response = await post(headers);
        expect(response.status).toBe(status);
        if (status === 403) expect(JSON.parse(response.text)).toMatchObject({ code: 'MCPO_FORBIDDEN_ORIGIN' });
      });

      it('lets the own Origin and the allowed ones pass', async () => {
        const at = await serve({ allowedOrigins: ['https://app.example'] });
        expect((await post({ Origin: at.mounted.url.replace(/\/mcp$/, '') }, at.mounted)).status).toBe(200);
        expect((await post({ Origin: 'https://app.example', 'Sec-Fetch-Site': 'cross-site' }, at.mounted)).status).toBe(
          200,
        );
        expect((await post({ Origin: 'https://app.example.evil' }, at.mounted)).status).toBe(403);
      });

      it('lets a link from elsewhere open a page', async () => {
        const headers = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' };
        expect((await request(mounted.url).get('/openapi.json').set(headers)).status).toBe(200);
        expect(
          (
            await request(mounted.url)
              .get('/openapi.json')
              .set({ ...headers, 'Sec-Fetch-Mode': 'cors' })
          ).status,
        ).toBe(403);
        expect((await post(headers)).status).toBe(403);
      });

      it('refuses a rebound Host on a loopback socket without authentication', async () => {
        expect((await post({ Host: 'evil.example' })).status).toBe(403);
        expect((await post({ Host: 'localhost:8000' })).status).toBe(200);
        expect((await post({ Host: '[::1]:8000' })).status).toBe(200);
        expect((await post({ Host: '127.0.0.1.evil.example' })).status).toBe(403);
        const allowed = await serve({ allowedHosts: ['tools.example'] });
        expect((await post({ Host: 'Tools.Example:80' }, allowed.mounted)).status).toBe(200);
        const secured = await serve({ apiKey: 'k' });
        expect((await post({ Host: 'evil.example', 'X-API-Key': 'k' }, secured.mounted)).status).toBe(200);
      });
    });

    describe('the end', () => {
      it('answers running calls, refuses new ones, and ends twice without harm', async () => {
        const gate = deferred();
        const lab = makeLab().tool('slow', async () => {
          await gate.promise;
          return text('at last');
        });
        const at = await serve({}, lab);
        const running = request(at.mounted.url)
          .post('/lab/slow')
          .then((response) => response);
        await until(() => lab.runs.get('slow') === 1);
        const closed = at.mcpo.close();
        const refused = await request(at.mounted.url).post('/lab/no-args');
        expect(JSON.parse(refused.text)).toMatchObject({ status: 503, code: 'MCPO_CLOSING' });
        expect(refused.headers['retry-after']).toBe('1');
        const health = await Promise.all(
          ['', '/ready', '/live'].map((probe) => request(at.mounted.url).get(`/health${probe}`)),
        );
        expect(health.map(({ status }) => status)).toEqual([503, 503, 200]);
        gate.resolve();
        expect((await running).body).toBe('at last');
        await closed;
        await at.mcpo.close();
        await at.mcpo[Symbol.asyncDispose]();
        expect(lab.servers.size).toBe(0);
      });

      it('cancels the call of a caller who goes away', async () => {
        const cancelled = deferred();
        const lab = makeLab().tool('slow', async ({ signal }) => {
          signal.addEventListener('abort', () => {
            cancelled.resolve();
          });
          await cancelled.promise;
          return text('too late');
        });
        const at = await serve({}, lab);
        const abort = new AbortController();
        const gone = fetch(`${at.mounted.url}/lab/slow`, { method: 'POST', signal: abort.signal });
        await until(() => lab.runs.get('slow') === 1);
        abort.abort();
        await expect(gone).rejects.toThrow();
        await cancelled.promise;
        await until(() => at.mcpo.stats.running === 0);
        expect(mcpo.stats.running).toBe(0);
      });
    });
  });
}
