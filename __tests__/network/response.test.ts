import { buffer } from 'node:stream/consumers';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { Canceller } from '../../lib/util/cancellation';
import { HttpResponse } from '../../lib/network/response';

const resume = (): void => undefined;

/** A response, and what undici does with it. */
function arriving(): { incoming: HttpResponse; abort: Canceller; aborted: unknown[]; heads: (Error | undefined)[] } {
  const abort = new Canceller();
  const heads: (Error | undefined)[] = [];
  const aborted: unknown[] = [];
  const incoming = new HttpResponse(abort, (error) => heads.push(error));
  return { incoming, abort, aborted, heads };
}

/** One whose head has come. */
function arrived(...headers: string[]): ReturnType<typeof arriving> {
  const it = arriving();
  it.incoming.onConnect((reason) => {
    it.aborted.push(reason);
    it.incoming.onError(reason ?? new Error('aborted'));
  });
  const raw = headers.map((header) => Buffer.from(header));
  it.incoming.onHeaders(200, raw, resume, 'OK');
  return it;
}

const bytes = Buffer.from('body');

it('tells its head once, not that of an early hint, with headers of one name put together', () => {
  const { incoming, heads } = arriving();
  incoming.onHeaders(103, [], resume, 'Early Hints');
  expect(heads).toEqual([]);
  incoming.onHeaders(
    200,
    ['Vary', 'a', 'X', '1', 'vary', 'b'].map((text) => Buffer.from(text)),
    resume,
    'OK',
  );
  expect(heads).toEqual([undefined]);
  expect([...incoming.headers]).toEqual([
    ['vary', 'a, b'],
    ['x', '1'],
  ]);
});

it('keeps what comes of the body until somebody reads it', async () => {
  const { incoming } = arrived();
  incoming.onData(bytes);
  expect(await incoming.first()).toBe(bytes);
  const read: Buffer[] = [];
  const whole = incoming.read((chunk) => read.push(chunk));
  incoming.onData(bytes);
  incoming.onComplete();
  await whole;
  expect(read).toEqual([bytes, bytes]);
});

it.each([
  ['gzip', gzipSync],
  ['X-GZIP', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
])('reads a body in %s, in any pieces', async (encoding, compress) => {
  const { incoming } = arrived(
    'Content-Encoding',
    encoding,
    'Content-Type',
    'text/plain',
    'content-type',
    'text/plain',
  );
  expect([...incoming.headers]).toEqual([['content-type', 'text/plain']]);
  const read: Buffer[] = [];
  const whole = incoming.read((chunk) => read.push(chunk));
  for (const byte of compress(bytes)) incoming.onData(Buffer.of(byte));
  incoming.onComplete();
  await whole;
  expect(Buffer.concat(read)).toEqual(bytes);
});

it('ends where a compressed body is empty, and breaks off where it is none or too long for its reader', async () => {
  const empty = arrived('Content-Encoding', 'gzip').incoming;
  empty.onComplete();
  await empty.read(() => undefined);
  const broken = arrived('Content-Encoding', 'gzip');
  broken.incoming.onData(bytes);
  await expect(broken.incoming.read(() => undefined)).rejects.toThrow('terminated');
  expect(broken.aborted).toHaveLength(1);
  const long = arrived('Content-Encoding', 'gzip');
  const reading = long.incoming.read(() => {
    throw new Error('too long');
  });
  long.incoming.onData(gzipSync(Buffer.alloc(2 ** 20)));
  await expect(reading).rejects.toThrow('terminated');
  expect(long.aborted).toEqual([new Error('too long')]);
});

it('has no first bytes when it ends without any', async () => {
  const { incoming } = arrived();
  const first = incoming.first();
  incoming.onComplete();
  expect(await first).toBeUndefined();
});

it('that is cut off fails for the reader, also for one that comes later', async () => {
  const { incoming } = arrived();
  const reading = incoming.read(() => undefined);
  const cause = new Error('reset');
  incoming.onError(cause);
  await expect(reading).rejects.toMatchObject({ name: 'TypeError', message: 'terminated', cause });
  await expect(incoming.read(() => undefined)).rejects.toMatchObject({ message: 'terminated' });
});

it('that is cancelled before there is a connection is not sent', () => {
  const { incoming, abort, heads } = arriving();
  const reason = new Error('the caller has gone');
  abort.abort(reason);
  expect(heads).toEqual([reason]);
  const told: unknown[] = [];
  incoming.onConnect((why) => told.push(why));
  expect(told).toEqual([reason]);
});

it('ends with what its reader throws, at whatever it throws that', async () => {
  const cause = new Error('too long');
  const refuse = (): void => {
    throw cause;
  };
  const early = arrived();
  early.incoming.onData(bytes);
  await expect(early.incoming.read(refuse)).rejects.toMatchObject({ message: 'terminated', cause });
  expect(early.aborted).toEqual([cause]);
  const late = arrived();
  const reading = late.incoming.read(refuse);
  expect(() => late.incoming.onData(bytes)).toThrow(cause);
  late.incoming.onError(cause);
  await expect(reading).rejects.toMatchObject({ message: 'terminated', cause });
});

describe('as a stream of the web', () => {
  it('gives the body and tells the end once', async () => {
    const { incoming } = arrived();
    const onEnd = jest.fn();
    const seen: Buffer[] = [];
    incoming.onData(bytes);
    const stream = incoming.stream((chunk) => seen.push(chunk), onEnd);
    incoming.onComplete();
    expect(await buffer(stream)).toEqual(bytes);
    expect(seen).toEqual([bytes]);
    expect(onEnd).toHaveBeenCalledTimes(1);
  });

  it('ends the response when it is cancelled', async () => {
    const { incoming, aborted } = arrived();
    const onEnd = jest.fn();
    await incoming.stream(() => undefined, onEnd).cancel();
    await new Promise(setImmediate);
    expect(aborted).toHaveLength(1);
    expect(onEnd).toHaveBeenCalledTimes(1);
  });

  it('fails where 64 MiB have come that nobody has read', async () => {
    const { incoming } = arrived();
    const onEnd = jest.fn();
    const stream = incoming.stream(() => undefined, onEnd);
    const much = Buffer.alloc(16 * 1_048_576);
    for (let count = 0; count < 4; count += 1) incoming.onData(much);
    expect(() => incoming.onData(much)).toThrow('is not being read');
    incoming.onError(new Error('is not being read'));
    await expect(buffer(stream)).rejects.toThrow('terminated');
    expect(onEnd).toHaveBeenCalledTimes(1);
  });
});
