import { gzipSync } from 'node:zlib';
import express from 'express';
import express4 from 'express4';
import multer from 'multer';
import { mcpoRouter } from '../../lib/index';
import type { Layer } from '../../lib/http/compose';
import { type BodyHost, type Sent, bodyHosts } from '../support/body-hosts';
import { Lab, text } from '../support/lab';
import { silent } from '../support/loggers';

/** How often each body is sent: none of them may be answered otherwise. */
const TIMES = 20;

const lab = new Lab().tool('write', ({ args }) => text(JSON.stringify(args)));
const mcpo = mcpoRouter({ servers: { lab: { connect: lab.connect } }, logger: silent });
beforeAll(() => mcpo.ready());
afterAll(() => mcpo.close());

const hosts: BodyHost[] = [];
afterEach(() => {
  for (const host of hosts.splice(0)) host.close();
});

const ignore = (): undefined => undefined;
const layer = (middleware: unknown): Layer => middleware as Layer;
const later: Layer = (_req, _res, next) => void setTimeout(next, 2);

const looks: Layer = (req, _res, next) => {
  req.on('data', ignore);
  next();
};
const pausesAndResumes: Layer = (req, _res, next) => {
  req.pause();
  setTimeout(() => {
    req.resume();
    next();
  }, 2);
};
const resumesLater: Layer = (req, _res, next) => {
  req.pause();
  next();
  setImmediate(() => req.resume());
};
const looksPausesAndResumes: Layer = (req, _res, next) => {
  req.on('data', ignore).pause();
  setTimeout(() => {
    req.resume();
    next();
  }, 2);
};
const readsAll: Layer = (req, _res, next) => {
  req.on('data', ignore).once('end', () => {
    next();
  });
};
const readsPart: Layer = (req, _res, next) => {
  req.once('data', () => setImmediate(next));
};
const decodes: Layer = (req, _res, next) => {
  req.setEncoding('utf8').on('data', ignore);
  next();
};
/** As those do that save something, or compress, before the answer goes out. */
const endsLater: Layer = (_req, res, next) => {
  const end = res.end.bind(res) as (...args: unknown[]) => typeof res;
  res.end = ((...args: unknown[]) => {
    setTimeout(() => end(...args), 1);
    return res;
  }) as typeof res.end;
  next();
};
const endsInTwo: Layer = (_req, res, next) => {
  const end = res.end.bind(res) as (...args: unknown[]) => typeof res;
  res.end = ((chunk: unknown, ...args: unknown[]) => {
    if (chunk === undefined || chunk === null || typeof chunk === 'function') return end(chunk, ...args);
    const bytes = Buffer.from(chunk as string);
    res.write(bytes.subarray(0, 10));
    setImmediate(() => end(bytes.subarray(10)));
    return res;
  }) as typeof res.end;
  next();
};

/** What may come of a call: its arguments as they were sent, or an error with this code. */
type Outcome = 'right' | 'MCPO_INVALID_BODY';

interface Way {
  readonly name: string;
  readonly sent: (body: string) => Sent;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const GZIP = { ...JSON_TYPE, 'content-encoding': 'gzip' };
const zipped = new Map<string, Buffer>();
function zip(body: string): Buffer {
  const known = zipped.get(body) ?? gzipSync(body);
  zipped.set(body, known);
  return known;
}
const ways: readonly Way[] = [
  { name: 'sized', sent: (body) => ({ body, headers: JSON_TYPE }) },
  { name: 'sized, in parts', sent: (body) => ({ body, parts: 5, headers: JSON_TYPE }) },
  { name: 'chunked', sent: (body) => ({ body, parts: 5, hasLength: false, headers: JSON_TYPE }) },
  { name: 'gzip, sized', sent: (body) => ({ body: zip(body), headers: GZIP }) },
  {
    name: 'gzip, chunked',
    sent: (body) => ({ body: zip(body), parts: 5, hasLength: false, headers: GZIP }),
  },
];

/** Bodies by their size, each another. They do not compress to nothing. */
const bodies = [20, 200].map((kilobytes) => {
  const words = Array.from({ length: kilobytes * 200 }, (_, n) => ((n * 7_919) % 65_521).toString(36)).join('é');
  const of = (index: number): string => JSON.stringify({ index, text: words.slice(0, kilobytes * 950) });
  return { kilobytes, all: Array.from({ length: TIMES }, (_, index) => of(index)) };
});

function outcomeOf({ status, text }: { status: number; text: string }, body: string): string {
  if (status === 200) return text === body ? 'right' : `200 ${text.slice(0, 100)}`;
  const { code, detail } = JSON.parse(text) as { readonly code?: string; readonly detail?: string };
  return code === 'MCPO_INVALID_BODY' && detail?.includes('express.json()') !== true
    ? `without a remedy: ${detail}`
    : (code ?? text);
}

describe.each([
  ['Express 5', bodyHosts[0]?.[1], express],
  ['Express 4', bodyHosts[1]?.[1], express4],
] as const)(`in %s, ${TIMES} of ${TIMES} calls`, (_name, start, framework) => {
  const any = { type: '*/*', limit: '1mb' };
  const json = layer(framework.json({ limit: '1mb' }));
  const raw = layer(framework.raw(any));
  const parsesText = layer(framework.text(any));
  const form = layer(framework.urlencoded({ extended: false }));
  const files = layer(multer().any());

  /** What came of the calls of each way and size. */
  async function outcomes(layers: readonly Layer[]): Promise<Readonly<Record<string, readonly string[]>>> {
    if (!start) throw new Error('no host');
    const host = await start(layers, mcpo);
    hosts.push(host);
    const seen: Record<string, readonly string[]> = {};
    for (const { name, sent } of ways) {
      for (const { kilobytes, all } of bodies) {
        const each = new Set<string>();
        for (const body of all) each.add(outcomeOf(await host.send('/lab/write', sent(body)), body));
        seen[`${name}, ${kilobytes} KB`] = [...each];
      }
    }
    return seen;
  }
  const all = (outcome: Outcome): Readonly<Record<string, readonly string[]>> =>
    Object.fromEntries(
      ways.flatMap(({ name }) => bodies.map(({ kilobytes }) => [`${name}, ${kilobytes} KB`, [outcome]] as const)),
    );

  it.each<[string, readonly Layer[]]>([
    ["on('data')", [looks]],
    ['pause() and resume()', [pausesAndResumes]],
    ['pause(), and resume() after the router', [resumesLater]],
    ["on('data'), pause() and resume()", [looksPausesAndResumes]],
    ['express.json()', [json]],
    ['express.raw()', [raw]],
    ['express.text()', [parsesText]],
    ['express.urlencoded()', [form]],
    ['multer', [files]],
    ['all parsers', [files, form, json, parsesText, raw]],
    ["on('data') and express.json()", [looks, json]],
    ["on('data') and express.raw()", [looks, raw]],
    ["on('data') and multer", [looks, files]],
    ['pause(), resume() and express.json()', [pausesAndResumes, json]],
    ['express.json() and time', [json, later]],
    ['an end that comes later', [endsLater]],
    ['an end in two', [endsInTwo]],
    ["on('data') and an end that comes later", [looks, endsLater]],
    ['express.json() and an end that comes later', [endsLater, json]],
  ])('have the right arguments after %s', async (_how, layers) => {
    expect(await outcomes(layers)).toEqual(all('right'));
  });

  it.each<[string, readonly Layer[]]>([
    ["on('data') and the end", [readsAll]],
    ["on('data') of a part", [readsPart]],
    ["on('data'), the end and multer", [readsAll, files]],
    ["on('data') of a part and express.urlencoded()", [readsPart, form]],
  ])('are refused, with the remedy, after %s', async (_how, layers) => {
    lab.runs.clear();
    expect(await outcomes(layers)).toEqual(all('MCPO_INVALID_BODY'));
    expect(lab.runs.size).toBe(0);
  });

  it('have the right arguments after setEncoding(), or are refused where that has spoilt a compressed body', async () => {
    const expected = Object.entries(all('right')).map(([way, outcome]) =>
      way.startsWith('gzip') ? [way, ['MCPO_INVALID_BODY']] : [way, outcome],
    );
    expect(await outcomes([decodes])).toEqual(Object.fromEntries(expected));
  });

  it('with a form that multer has read are refused as of an unsupported type', async () => {
    if (!start) throw new Error('no host');
    const host = await start([files], mcpo);
    hosts.push(host);
    lab.runs.clear();
    const boundary = 'a-boundary';
    const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
    for (const hasLength of [true, false]) {
      for (let index = 0; index < TIMES; index++) {
        const body = `--${boundary}\r\ncontent-disposition: form-data; name="a"\r\n\r\n${'x'.repeat(20_000)}\r\n--${boundary}--\r\n`;
        const { status, text } = await host.send('/lab/write', { body, hasLength, parts: 5, headers });
        expect([status, text]).toEqual([415, expect.stringContaining('the body must be application/json')]);
      }
    }
    expect(lab.runs.size).toBe(0);
  });
});
