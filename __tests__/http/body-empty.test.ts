import { gzipSync } from 'node:zlib';
import express from 'express';
import express4 from 'express4';
import { mcpoRouter } from '../../lib/index';
import type { Layer } from '../../lib/http/compose';
import { type BodyHost, bodyHosts } from '../support/body-hosts';
import { Lab, text } from '../support/lab';
import { silent } from '../support/loggers';

const lab = new Lab().tool('write', ({ args }) => text(JSON.stringify(args)));
const mcpo = mcpoRouter({ servers: { lab: { connect: lab.connect } }, logger: silent });
beforeAll(() => mcpo.ready());
afterAll(() => mcpo.close());
beforeEach(() => lab.runs.clear());

const FORM = 'application/x-www-form-urlencoded';
const MULTIPART = 'multipart/form-data; boundary=x';
const TYPES = [undefined, 'application/json', FORM, MULTIPART, 'text/plain', 'application/octet-stream', 'no type'];

const parsersOf = (framework: typeof express): Layer[] => [
  framework.json(),
  framework.urlencoded({ extended: true }),
  framework.text({ type: '*/*' }),
  framework.raw({ type: '*/*' }),
];

describe.each(bodyHosts)('in %s', (name, start) => {
  const parsers = name.startsWith('Express') ? parsersOf(name === 'Express 4' ? (express4 as never) : express) : [];

  describe.each([[[]], ...parsers.map((parser) => [[parser]])])('behind parsers (%#)', (layers) => {
    let host: BodyHost;
    beforeAll(async () => {
      host = await start(layers, mcpo);
    });
    afterAll(() => {
      host.close();
    });

    it.each(TYPES)('an empty body of the type %s is no arguments', async (type) => {
      for (const hasLength of [true, false]) {
        for (const encoding of [{}, { 'content-encoding': 'gzip' }, { 'content-encoding': 'br' }]) {
          // Express's own parsers refuse what they cannot decompress.
          if (layers.length > 0 && Object.keys(encoding).length > 0) continue;
          const headers = { ...(type !== undefined && { 'content-type': type }), ...encoding };
          expect([headers, await host.send('/lab/write', { hasLength, headers })]).toEqual([
            headers,
            { status: 200, text: '{}' },
          ]);
        }
      }
    });

    it('one with a byte in it is refused by its type', async () => {
      for (const type of [FORM, MULTIPART, 'text/plain']) {
        for (const hasLength of [true, false]) {
          const { status } = await host.send('/lab/write', {
            body: '{}',
            hasLength,
            headers: { 'content-type': type },
          });
          expect([type, hasLength, status]).toEqual([type, hasLength, 415]);
        }
      }
      expect(lab.runs.size).toBe(0);
    });

    it.each<[string, Record<string, string>]>([
      ['a foreign Origin', { origin: 'https://evil.example' }],
      ['an opaque Origin', { origin: 'null' }],
      ['Sec-Fetch-Site: cross-site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
      ['Sec-Fetch-Site: same-site', { 'sec-fetch-site': 'same-site' }],
    ])('a form of another site is refused, an empty one too: %s', async (_what, browser) => {
      for (const type of [FORM, MULTIPART, 'text/plain']) {
        for (const body of ['', '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n']) {
          for (const hasLength of [true, false]) {
            const headers = { 'content-type': type, ...browser };
            const { status, text: answer } = await host.send('/lab/write', { body, hasLength, headers });
            expect([type, status, answer]).toEqual([type, 403, expect.stringContaining('MCPO_FORBIDDEN_ORIGIN')]);
          }
        }
      }
      expect(lab.runs.size).toBe(0);
    });
  });

  it('a body of a type that is refused leaves the connection as it was', async () => {
    const host = await start([], mcpo);
    const body = 'x'.repeat(300_000);
    for (const hasLength of [true, false]) {
      const { status } = await host.send('/lab/write', { body, hasLength, headers: { 'content-type': FORM } });
      expect(status).toBe(415);
    }
    expect(await host.send('/lab/write', {})).toEqual({ status: 200, text: '{}' });
    host.close();
  });

  it('a body that is empty once it is decompressed is no arguments', async () => {
    const host = await start([], mcpo);
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    for (const hasLength of [true, false]) {
      expect(await host.send('/lab/write', { body: gzipSync(''), hasLength, headers })).toEqual({
        status: 200,
        text: '{}',
      });
    }
    host.close();
  });

  it('padding that follows a compressed body does not keep it from being read', async () => {
    const host = await start([], mcpo);
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const body = Buffer.concat([gzipSync('{"a":1}'), Buffer.alloc(200_000)]);
    for (const hasLength of [true, false]) {
      expect(await host.send('/lab/write', { body, hasLength, headers })).toEqual({ status: 200, text: '{"a":1}' });
    }
    host.close();
  });

  it('headers of the host that tell of no body do not make one empty', async () => {
    const strip: Layer = (req, _res, next) => {
      const { 'content-length': _length, 'transfer-encoding': _framing, ...others } = req.headers;
      // That of HTTP/2 is a getter.
      Object.defineProperty(req, 'headers', { value: others });
      next();
    };
    const host = await start([strip], mcpo);
    const headers = { 'content-type': 'application/json' };
    for (const body of ['{"a":1}', JSON.stringify({ a: 'x'.repeat(200_000) })]) {
      for (const hasLength of [true, false]) {
        expect(await host.send('/lab/write', { body, hasLength, headers })).toEqual({ status: 200, text: body });
      }
    }
    host.close();
  });
});
