import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { PassThrough, type Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import express from 'express';
import express4 from 'express4';
import { mcpoRouter } from '../../lib/index';
import type { Layer } from '../../lib/http/compose';
import { type BodyHost, type Sent, bodyHosts } from '../support/body-hosts';
import { until } from '../support/deferred';
import { Lab, text } from '../support/lab';
import { silent } from '../support/loggers';

const lab = new Lab().tool('write', ({ args }) => text(JSON.stringify(args)));
const servers = { lab: { connect: lab.connect } };
const open = mcpoRouter({ servers, logger: silent });
const asking = mcpoRouter({ servers, logger: silent, authorize: () => delay(20, true) });
const refusing = mcpoRouter({ servers, logger: silent, authorize: () => delay(20, false) });
const routers = { open, asking };
beforeAll(() => Promise.all([open.ready(), asking.ready(), refusing.ready()]));
afterAll(() => Promise.all([open.close(), asking.close(), refusing.close()]));
beforeEach(() => lab.runs.clear());

const hosts: BodyHost[] = [];
afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
});

const SMALL = JSON.stringify({ a: 'é' });
const LARGE = JSON.stringify({ a: 'é'.repeat(100_000) });
const JSON_TYPE = { 'content-type': 'application/json' };
const ways: [string, (body: string) => Sent][] = [
  ['with its length', (body) => ({ body, headers: JSON_TYPE })],
  ['without a length', (body) => ({ body, hasLength: false, headers: JSON_TYPE })],
  ['as gzip', (body) => ({ body: gzipSync(body), headers: { ...JSON_TYPE, 'content-encoding': 'gzip' } })],
  [
    'as br without a length',
    (body) => ({
      body: brotliCompressSync(body),
      hasLength: false,
      headers: { ...JSON_TYPE, 'content-encoding': 'br' },
    }),
  ],
];

const ignore = (): undefined => undefined;
async function drain(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Each passes the request on before its body has come, or while it is paused. */
const onlookers: Record<string, Layer> = {
  "on('data')": (req, _res, next) => {
    req.on('data', ignore);
    next();
  },
  "a second on('data'), and on('end')": (req, _res, next) => {
    req.on('data', ignore).on('data', ignore).on('end', ignore);
    next();
  },
  'pause() … resume()': (req, _res, next) => {
    req.on('data', ignore).pause();
    setTimeout(() => {
      req.resume();
      next();
    }, 20);
  },
  'pause() … resume() without a listener': (req, _res, next) => {
    req.pause();
    setTimeout(() => {
      req.resume();
      next();
    }, 20);
  },
  'pause() and no more': (req, _res, next) => {
    req.pause();
    setTimeout(next, 20);
  },
  'resume()': (req, _res, next) => {
    req.resume();
    next();
  },
  'pipe()': (req, _res, next) => {
    req.pipe(new PassThrough()).resume();
    next();
  },
  "on('readable') without a read": (req, _res, next) => {
    req.on('readable', ignore);
    next();
  },
  'nothing but time': (_req, _res, next) => {
    setTimeout(next, 20);
  },
  'a patched end': (req, res, next) => {
    let bytes = 0;
    req.on('data', (chunk: Buffer) => (bytes += chunk.length));
    const end = res.end.bind(res) as (...args: unknown[]) => typeof res;
    res.end = ((...args: unknown[]) => {
      if (bytes === 0) throw new Error('nothing seen');
      return end(...args);
    }) as typeof res.end;
    next();
  },
};

describe.each(bodyHosts)('in %s, a middleware that looks on', (_host, start) => {
  describe.each(Object.keys(onlookers))('by %s', (how) => {
    it.each(Object.keys(routers) as (keyof typeof routers)[])('takes nothing away (%s)', async (router) => {
      const host = await start([onlookers[how] as Layer], routers[router]);
      hosts.push(host);
      for (const [way, sent] of ways) {
        for (const body of [SMALL, LARGE]) {
          const { status, text: answer } = await host.send('/lab/write', sent(body));
          expect([way, status, answer.slice(0, 200), answer === body]).toEqual([way, 200, body.slice(0, 200), true]);
        }
      }
    });
  });

  it('by for await, beside the router, never leaves it a part', async () => {
    const onlooker: Layer = (req, _res, next) => {
      drain(req).catch(ignore);
      next();
    };
    for (const router of [open, asking]) {
      const host = await start([onlooker], router);
      hosts.push(host);
      for (const [way, sent] of ways) {
        for (const body of [SMALL, LARGE]) {
          const { status, text: answer } = await host.send('/lab/write', sent(body));
          const isRight = status === 200 ? answer === body : answer.includes('MCPO_INVALID_BODY');
          expect([way, status, isRight]).toEqual([way, status, true]);
        }
      }
    }
  });

  it('in authorize takes nothing away', async () => {
    const router = mcpoRouter({ servers, logger: silent, authorize: (req) => req.on('data', ignore).readable });
    await router.ready();
    const host = await start([], router);
    hosts.push(host);
    for (const [way, sent] of ways) {
      const { status, text: answer } = await host.send('/lab/write', sent(LARGE));
      expect([way, status, answer === LARGE]).toEqual([way, 200, true]);
    }
    await router.close();
  });

  it('sees all of the body, as it came', async () => {
    const seen: Buffer[] = [];
    const onlooker: Layer = (req, _res, next) => {
      req.on('data', (chunk: Buffer) => seen.push(chunk));
      next();
    };
    const host = await start([onlooker], asking);
    hosts.push(host);
    for (const [, sent] of ways) {
      seen.length = 0;
      const each = sent(LARGE);
      await host.send('/lab/write', each);
      expect(Buffer.concat(seen).equals(Buffer.from(each.body ?? ''))).toBe(true);
    }
  });

  it('has the body thrown away when the caller is refused, and the connection goes on', async () => {
    const ended: string[] = [];
    const onlooker: Layer = (req, _res, next) => {
      req.on('data', ignore).on('end', () => ended.push('end'));
      next();
    };
    const host = await start([onlooker], refusing);
    hosts.push(host);
    for (const [, sent] of ways) expect((await host.send('/lab/write', sent(LARGE))).status).toBe(401);
    await until(() => ended.length === ways.length);
  });

  it.each<[string, Layer]>([
    [
      "on('data'), and time",
      (req, _res, next) => {
        req.on('data', ignore);
        setTimeout(next, 50);
      },
    ],
    [
      'resume(), and time',
      (req, _res, next) => {
        req.resume();
        setTimeout(next, 50);
      },
    ],
    [
      'for await',
      (req, _res, next) => {
        void drain(req).then(() => {
          next();
        });
      },
    ],
    [
      'a read() of what has come',
      (req, _res, next) => {
        req.once('readable', () => {
          req.read();
          next();
        });
      },
    ],
    [
      'a form parser that leaves nothing',
      (req, _res, next) => {
        req.pipe(new PassThrough()).resume();
        req.on('end', () => {
          next();
        });
      },
    ],
  ])('and reads it before the router, by %s, has the call refused', async (_how, layer) => {
    const host = await start([layer], open);
    hosts.push(host);
    for (const [way, sent] of ways) {
      for (const body of [SMALL, LARGE]) {
        const { status, text: answer } = await host.send('/lab/write', sent(body));
        expect([way, status, JSON.parse(answer)]).toEqual([
          way,
          400,
          expect.objectContaining({ code: 'MCPO_INVALID_BODY', detail: expect.stringContaining('express.json()') }),
        ]);
      }
    }
    expect(lab.runs.size).toBe(0);
  });

  it('and sets req.body to what it has read is a parser', async () => {
    const parser: Layer = (req, _res, next) => {
      void drain(req).then((bytes) => {
        (req as { body?: unknown }).body = JSON.parse(bytes.toString());
        next();
      });
    };
    const host = await start([parser], asking);
    hosts.push(host);
    for (const hasLength of [true, false]) {
      for (const body of [SMALL, LARGE, '{}']) {
        const answer = await host.send('/lab/write', {
          body,
          hasLength: hasLength || body === '{}',
          headers: JSON_TYPE,
        });
        expect(answer).toEqual({ status: 200, text: body });
      }
    }
  });

  it.each(['before the router', 'while it is asked who calls'])(
    'never has a part of it taken: read %s',
    async (when) => {
      const reads = (req: Readable): void => void req.on('data', ignore);
      const early: Layer = (req, _res, next) => {
        if (when === 'before the router') {
          next();
          setTimeout(() => req.resume(), 5);
        } else {
          next();
        }
      };
      const router = mcpoRouter({
        servers,
        logger: silent,
        authorize: async (req) => {
          if (when !== 'before the router') reads(req);
          return delay(30, true);
        },
      });
      await router.ready();
      const host = await start([onlookers["on('data')"] as Layer, early], router);
      hosts.push(host);
      for (const [way, sent] of ways) {
        const { status, text: answer } = await host.send('/lab/write', sent(LARGE));
        expect([way, status, JSON.parse(answer)]).toEqual([
          way,
          400,
          expect.objectContaining({ code: 'MCPO_INVALID_BODY' }),
        ]);
      }
      await router.close();
      expect(lab.runs.size).toBe(0);
    },
  );
});

describe.each([
  ['Express 5', bodyHosts[0]?.[1], express],
  ['Express 4', bodyHosts[1]?.[1], express4],
] as const)("beside %s's own parsers, a middleware that looks on", (name, start, framework) => {
  const look = onlookers["on('data')"] as Layer;
  const parsers = {
    json: framework.json(),
    raw: framework.raw({ type: '*/*', limit: '1mb' }),
    text: framework.text({ type: '*/*', limit: '1mb' }),
    urlencoded: framework.urlencoded({ extended: false }),
  } as unknown as Record<string, Layer>;

  it.each(Object.keys(parsers))('%s changes nothing', async (parser) => {
    const host = await start?.([look, parsers[parser] as Layer], asking);
    if (!host) throw new Error('no host');
    hosts.push(host);
    for (const body of [SMALL, '{}', '{ }']) {
      for (const hasLength of [true, false]) {
        const answer = await host.send('/lab/write', { body, hasLength, headers: JSON_TYPE });
        expect(answer).toEqual({ status: 200, text: body.replace(' ', '') });
      }
    }
  });

  it('a parser that is not for this body does not hide that another has read it', async () => {
    const slow: Layer = (_req, _res, next) => void setTimeout(next, 50);
    const host = await start?.([look, slow, parsers.urlencoded as Layer], open);
    if (!host) throw new Error('no host');
    hosts.push(host);
    for (const hasLength of [true, false]) {
      const answer = await host.send('/lab/write', { body: SMALL, hasLength, headers: JSON_TYPE });
      expect([name, answer.status, answer.text]).toEqual([name, 400, expect.stringContaining('MCPO_INVALID_BODY')]);
    }
    expect(lab.runs.size).toBe(0);
  });
});

describe('over HTTP/2', () => {
  const start = bodyHosts[3]?.[1];

  it('who looks on below the request takes nothing away, and who reads there has the call refused', async () => {
    const below = (req: unknown): Readable => (req as { stream: Readable }).stream.on('data', ignore);
    const look: Layer = (req, _res, next) => {
      below(req);
      if (req.headers['x-time'] === undefined) next();
      else setTimeout(next, 50);
    };
    const host = await start?.([look], asking);
    if (!host) throw new Error('no host');
    hosts.push(host);
    for (const [way, sent] of ways) {
      const whole = sent(LARGE);
      const { status, text: answer } = await host.send('/lab/write', whole);
      expect([way, status, answer === LARGE]).toEqual([way, 200, true]);
      const late = { ...whole, headers: { ...whole.headers, 'x-time': '1' } };
      const refused = await host.send('/lab/write', late);
      expect([way, refused.status, refused.text]).toEqual([way, 400, expect.stringContaining('MCPO_INVALID_BODY')]);
    }
  });

  it.each([open, asking])('a stream that is reset before its end runs nothing (%#)', async (router) => {
    let gone = 0;
    const server = createHttp2Server((req, res) => {
      req.stream.once('close', () => gone++);
      (router as unknown as Layer)(req as never, res as never, () => undefined);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connectHttp2(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
    for (const body of ['', '{}', '{"a":1}']) {
      const before = gone;
      const stream = client.request({ ':method': 'POST', ':path': '/lab/write', ...JSON_TYPE }, { endStream: false });
      stream.on('error', ignore);
      if (body !== '') stream.write(body);
      await delay(10);
      stream.destroy();
      await until(() => gone > before);
      await delay(50);
    }
    client.destroy();
    server.close();
    expect(lab.runs.size).toBe(0);
  });
});
