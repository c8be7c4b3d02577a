import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex, Transform, Writable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { MaybePromise } from '../util/maybe-promise';
import { callerGone } from './disconnect';
import { McpoError } from '../errors';

type Chunk = Buffer | string;

/** The stream below a request of HTTP/2. */
type Http2Stream = Duplex & { readonly endAfterHeaders: boolean };

/** How a body is read. */
interface Reading {
  readonly limit: number;
  /** `Content-Length`. */
  readonly length: string | undefined;
  readonly decoder: Transform | undefined;
  /** What a body of at least one byte is refused with. */
  readonly refusal: McpoError | undefined;
}

const DECODERS = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress };

/** What the host can do about a body that another middleware has read. */
export const REMEDY =
  'mount express.json() before that middleware, or the router before it, or have it set req.body to what it has read';

/**
 * Keeps a body that somebody listens to from being read before the router knows the caller: a stream that has been told to
 * flow begins with it in the next tick. It goes on as soon as anybody wants its data, then for all who listen.
 */
export function holdBody(req: IncomingMessage, res: ServerResponse): void {
  const stream = streamBelow(req);
  const flows = req.readableFlowing === true && !req.readableEnded;
  if (!flows && !stream?.readableFlowing) return;
  // Node's response over HTTP/2 says that it has finished only when its stream is closed.
  const answer: Writable = stream ?? res;
  const release = (): void => {
    req.off('newListener', onListener);
    answer.off('finish', release);
    req.resume();
  };
  const onListener = (event: string | symbol): void => {
    // A listener does not start a stream again that has been paused.
    if (event === 'data') release();
  };
  if (flows) req.pause();
  stream?.pause();
  req.on('newListener', onListener);
  // Node throws away a body that nobody has asked for, but not one that somebody has.
  answer.once('finish', release);
}

/** The stream below a request of HTTP/2. */
export function streamBelow(req: IncomingMessage): Http2Stream | undefined {
  if (req.httpVersionMajor < 2) return undefined;
  return (req as { stream?: Http2Stream }).stream;
}

/** Whether the rest of a body will not come: the caller has gone. */
export function isCut(req: IncomingMessage): boolean {
  const stream = streamBelow(req);
  // HTTP/2 lets a request end when its stream is reset. One that is to be answered is open.
  if (stream) return stream.closed || stream.destroyed;
  return req.destroyed && !req.readableEnded;
}

/**
 * The bytes of a body that nobody has read.
 *
 * @param refusal - what a body of at least one byte is refused with
 */
export function bytesOf(
  req: IncomingMessage,
  headers: IncomingHttpHeaders,
  limit: number,
  refusal: McpoError | undefined,
): MaybePromise<Buffer> {
  const { 'content-encoding': encoding = 'identity', 'content-length': length } = headers;
  if (isCut(req)) throw callerGone();
  // A body that came with its head needs no listeners.
  if (encoding === 'identity' && !req.readableFlowing && req.readableLength === Number(length)) {
    const whole = req.read() as Chunk | null;
    // To its end, of which the host may want to hear.
    req.resume();
    if (whole) return bytesIn(whole, req);
  }
  return collected(req, { limit, length, ...decoding(encoding.trim().toLowerCase(), length, refusal) });
}

/** The host may have had the body decoded as text. */
function bytesIn(chunk: Chunk, req: IncomingMessage): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, req.readableEncoding ?? 'utf8') : chunk;
}

function decoding(
  encoding: string,
  length: string | undefined,
  refusal: McpoError | undefined,
): Pick<Reading, 'decoder' | 'refusal'> {
  if (refusal || encoding === 'identity') return { decoder: undefined, refusal };
  if (Object.hasOwn(DECODERS, encoding)) {
    return { decoder: DECODERS[encoding as keyof typeof DECODERS](), refusal };
  }
  const unknown = new McpoError('MCPO_UNSUPPORTED_MEDIA_TYPE', 'the body has a content encoding that is not known', {
    headers: { 'Accept-Encoding': 'gzip, deflate, br' },
  });
  if (length !== undefined) throw unknown;
  return { decoder: undefined, refusal: unknown };
}

/** Collects a body. After an error, what comes is thrown away. */
function collected(req: IncomingMessage, { limit, length, decoder, refusal }: Reading): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let received = 0;
    let ended = false;
    let decoded = decoder === undefined;
    const fail = (error: McpoError): void => {
      req.off('data', onData).off('end', onEnd).off('close', onClose);
      reject(error);
      // What is still to come is not even decompressed.
      if (decoder) req.unpipe(decoder);
      decoder?.destroy();
      req.resume();
    };
    const keep = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > limit) fail(tooLarge(limit));
    };
    const settle = (): void => {
      if (ended && decoded) resolve(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks, size));
    };
    const onData = (data: Chunk): void => {
      const chunk = bytesIn(data, req);
      received += chunk.length;
      if (refusal) fail(refusal);
      else if (!decoder) keep(chunk);
      else if (received > limit) fail(tooLarge(limit));
    };
    const onEnd = (): void => {
      if (isCut(req)) {
        fail(callerGone());
      } else if (length !== undefined && received !== Number(length)) {
        const detail = `${String(received)} of the body's ${length} bytes have come; if another middleware reads it: ${REMEDY}`;
        fail(new McpoError('MCPO_INVALID_BODY', detail));
      } else {
        ended = true;
        // To a decoder, no bytes are too few.
        decoded ||= received === 0;
        settle();
      }
    };
    const onError = (error: unknown): void => {
      fail(new McpoError('MCPO_INVALID_JSON', 'the body cannot be read', { cause: error }));
    };
    const onClose = (): void => {
      if (!ended) fail(callerGone());
    };
    req.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
    if (decoder) {
      decoder
        .on('data', keep)
        .on('error', onError)
        .on('end', () => {
          decoded = true;
          // Bytes after its end are not for the decoder, which waits with them for ever.
          req.unpipe(decoder);
          if (!ended) flow(req);
          settle();
        });
      req.pipe(decoder);
    }
    flow(req);
  });
}

/** Has a body come, whatever the host has done to its stream. */
export function flow(req: IncomingMessage): void {
  req.resume();
  if (req.listenerCount('readable') === 0) return;
  // With a listener of `readable` a stream does not flow. It is given the time to read, and may as well only look on.
  const read = (): void => {
    setImmediate(() => {
      while (req.read() !== null);
    });
  };
  req.on('readable', read);
  read();
}

/** How a body ends that is larger than it may be. */
export function tooLarge(limit: number): McpoError {
  return new McpoError('MCPO_BODY_TOO_LARGE', `the body is larger than ${String(limit)} bytes`);
}
