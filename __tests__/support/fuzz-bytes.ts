import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { jsonText } from './fuzz-text';
import { objects, scalar } from './fuzz-values';

/** What is sent over one connection: a few requests, most of them sound, cut into chunks. */
export interface RawCase {
  readonly chunks: readonly Buffer[];
  /** Whether no byte was changed, so that each request has an answer of its own. */
  readonly isWhole: boolean;
  readonly methods: readonly string[];
}

const OTHER_METHODS = ['GET', 'GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'];
const TARGETS = [
  ...['/fuzz/echo', '/fuzz/echo', '/fuzz/echo', '/fuzz/read', '/fuzz/none', '/none/echo', '/fuzz', '/', '/fuzz/', '//'],
  ...['/fuzz/%65cho', '/fuzz/%', '/fuzz/%ff', '/%66uzz/echo', '/fuzz/echo?x=%', '/fuzz/echo/..', '/fuzz/../fuzz/echo'],
  ...[
    '/__proto__/constructor',
    '/fuzz/__proto__',
    '/health',
    '/metrics?format=json',
    '/openapi.json',
    '/fuzz/openapi.json',
  ],
  ...[
    '/fuzz//echo',
    '/fuzz\\echo',
    '/fuzz/echo;a=b',
    '/fuzz/echo%00',
    '/docs',
    '/dashboard',
    `/fuzz/${'x'.repeat(3_000)}`,
  ],
];
const HEADERS = [
  ...[
    'Accept: application/vnd.mcp+json',
    'Cache-Control: no-cache',
    'Cache-Control: no-store, max-age=1',
    'Expect: 100-continue',
  ],
  ...['Expect: the unexpected', 'Connection: keep-alive', 'Upgrade: h2c', 'X-Request-Id: a b', 'X-Request-Id: fine-1'],
  ...[
    'Content-Encoding: br',
    'Content-Encoding: none',
    'Origin: null',
    'Sec-Fetch-Site: cross-site',
    'X-MCPO-Session: \u00e9',
  ],
  ...[
    'traceparent: 00-x',
    '__proto__: x',
    'constructor: x',
    'X-Two: 1\r\nX-Two: 2',
    'Accept: \u00ff',
    'Cookie: a=b; a=c',
    'Accept:',
  ],
];
const TYPES = [
  'application/json',
  'application/json',
  'application/json',
  'application/json; charset=utf-16',
  'text/plain',
  'json',
  '',
];

const body = fc.oneof(
  { weight: 5, arbitrary: objects(scalar).chain((value) => jsonText(value)) },
  fc.constantFrom('', 'x', '[]', '{'),
);

const request = fc
  .record({
    method: fc.oneof({ weight: 3, arbitrary: fc.constant('POST') }, fc.constantFrom(...OTHER_METHODS)),
    target: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('/fuzz/echo', '/fuzz/read') },
      { weight: 2, arbitrary: fc.constantFrom(...TARGETS) },
    ),
    headers: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      fc.array(fc.constantFrom(...HEADERS), { maxLength: 2 }),
    ),
    type: fc.oneof({ weight: 4, arbitrary: fc.constant('application/json') }, fc.constantFrom(...TYPES)),
    body,
    coding: fc.oneof(
      { weight: 2, arbitrary: fc.constant('none') },
      fc.constantFrom('gzip', 'gzip', 'deflate', 'cut off', 'no gzip'),
    ),
    framing: fc.constantFrom('length', 'length', 'chunked', 'by twos'),
  })
  .map((parts) => ({ method: parts.method, bytes: bytesOf(parts) }));

interface Parts {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly type: string;
  readonly body: string;
  readonly coding: string;
  readonly framing: string;
}

function bytesOf({ method, target, headers, type, body: text, coding, framing }: Parts): Buffer {
  const { encoding, bytes } = encoded(Buffer.from(text), coding);
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: localhost', ...headers];
  if (type !== '') lines.push(`Content-Type: ${type}`);
  if (encoding !== undefined && !headers.some((line) => line.startsWith('Content-Encoding'))) {
    lines.push(`Content-Encoding: ${encoding}`);
  }
  lines.push(framing === 'length' ? `Content-Length: ${bytes.length}` : 'Transfer-Encoding: chunked');
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return Buffer.concat([head, framing === 'length' ? bytes : chunked(bytes, framing === 'by twos' ? 2 : 1_000)]);
}

function encoded(bytes: Buffer, coding: string): { readonly encoding?: string; readonly bytes: Buffer } {
  if (coding === 'gzip') return { encoding: 'gzip', bytes: gzipSync(bytes) };
  if (coding === 'deflate') return { encoding: 'deflate', bytes: deflateSync(bytes) };
  if (coding === 'cut off') return { encoding: 'gzip', bytes: gzipSync(bytes).subarray(0, -6) };
  return coding === 'no gzip' ? { encoding: 'x-gzip', bytes } : { bytes };
}

function chunked(bytes: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    parts.push(Buffer.from(`${part.length.toString(16)}${at === 0 ? ';ext="x"' : ''}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

const NOISE = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  ' ',
  ':',
  '\x7f',
  '\xff',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  // Node answers one that nobody takes, and then no more on that connection.
  'Connection: upgrade\r\n',
];
const WIDE = [
  'HTTP/2.0',
  'HTTP/1.0',
  'HTTP/9',
  '0\r\n\r\n',
  'fffffffff\r\n',
  '-1',
  'Host: evil.example\r\n',
  'x'.repeat(20_000),
];

const GOODBYE = Buffer.from('GET /goodbye HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');

/** Bytes put in, taken out, or put in the place of others. */
const change = fc.record({
  at: fc.nat(),
  drop: fc.constantFrom(0, 1, 2, 20),
  put: fc.constantFrom('', ...NOISE, ...WIDE),
});

export const rawCase: fc.Arbitrary<RawCase> = fc
  .record({
    requests: fc.array(request, { minLength: 1, maxLength: 4, size: 'max' }),
    changes: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(change, { minLength: 1, maxLength: 2 })),
    cut: fc.option(fc.nat(), { freq: 5 }),
    size: fc.constantFrom(3, 50, 1_000, 100_000),
  })
  .map(({ requests, changes, cut, size }) => {
    let bytes: Buffer = Buffer.concat(requests.map((each) => each.bytes));
    for (const { at, drop, put } of changes) {
      const from = at % bytes.length;
      bytes = Buffer.concat([bytes.subarray(0, from), Buffer.from(put, 'latin1'), bytes.subarray(from + drop)]);
    }
    if (cut !== null) bytes = bytes.subarray(0, cut % (bytes.length + 1));
    const isWhole = changes.length === 0 && cut === null;
    if (isWhole) bytes = Buffer.concat([bytes, GOODBYE]);
    return {
      chunks: pieces(bytes, Math.max(size, bytes.length / 50)),
      isWhole,
      methods: requests.map(({ method }) => method),
    };
  });

function pieces(bytes: Buffer, size: number): readonly Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += Math.ceil(size)) all.push(bytes.subarray(at, at + Math.ceil(size)));
  return all;
}
