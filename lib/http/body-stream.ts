import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex, Transform, Writable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { MaybePromise } from '../util/maybe-promise';
import { McpoError, callerGone } from '../errors';

type Chunk = Buffer | string;

/** The stream of an HTTP/2 request. */
type Http2Stream = Duplex & { readonly endAfterHeaders: boolean };

/** How to read a body. */
interface Reading {
  readonly limit: number;
  readonly length: string | undefined;
  readonly decoder: Transform | undefined;
  /** The error for a body of at least one byte. */
  readonly refusal: McpoError | undefined;
}

const DECODERS = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress };

/** The remedy for a body that another middleware has read. */
export const REMEDY =
  'mount express.json() before that middleware, or the router before it, or have it set req.body to what it has read';

/**
 * Pauses a flowing body until the caller is authenticated. It resumes when a listener for its data is added, or when the
 * response has been sent.
 */
export function holdBody(req: IncomingMessage, res: ServerResponse): void {
  const stream = streamBelow(req);
  const flows = req.readableFlowing === true && !req.readableEnded;
  if (!flows && !stream?.readableFlowing) return;
  // An HTTP/2 response emits `finish` only when its stream is closed.
  const answer: Writable = stream ?? res;
  const release = (): void => {
    req.off('newListener', onListener);
    answer.off('finish', release);
    req.resume();
  };
  const onListener = (event: string | symbol): void => {
    // A listener does not resume a paused stream.
    if (event === 'data') release();
  };
  if (flows) req.pause();
  stream?.pause();
  req.on('newListener', onListener);
  // Node discards an unread body only if it has never been touched.
  answer.once('finish', release);
}

/** The stream of an HTTP/2 request. */
export function streamBelow(req: IncomingMessage): Http2Stream | undefined {
  if (req.httpVersionMajor < 2) return undefined;
  return (req as { stream?: Http2Stream }).stream;
}

/** Whether the caller has gone before the end of the body. */
export function isCut(req: IncomingMessage): boolean {
  const stream = streamBelow(req);
  // An HTTP/2 request also ends when its stream is reset.
  if (stream) return stream.closed || stream.destroyed;
  return req.destroyed && !req.readableEnded;
}

/** Reads the bytes of a body; `refusal` is the error for a body of at least one byte. */
export function bytesOf(
  req: IncomingMessage,
  headers: IncomingHttpHeaders,
  limit: number,
  refusal: McpoError | undefined,
): MaybePromise<Buffer> {
  const { 'content-encoding': encoding = 'identity', 'content-length': length } = headers;
  if (isCut(req)) throw callerGone();
  // A body that has arrived with its headers needs no listeners.
  if (encoding === 'identity' && !req.readableFlowing && req.readableLength === Number(length)) {
    const whole = req.read() as Chunk | null;
    // The host may listen for `end`.
    req.resume();
    if (whole) return bytesIn(whole, req);
  }
  return collected(req, {
    limit,
    length,
    ...decoding(encoding.trim().toLowerCase(), length, refusal ?? spoilt(req, encoding)),
  });
}

/** The error for compressed bytes that the host has turned into a string by `setEncoding()`, which cannot be undone. */
function spoilt(req: IncomingMessage, encoding: string): McpoError | undefined {
  if (encoding === 'identity' || req.readableEncoding === null) return undefined;
  const detail = `another middleware has called setEncoding(), so that the compressed body cannot be read; ${REMEDY}`;
  return new McpoError('MCPO_INVALID_BODY', detail);
}

/** The host may have called `setEncoding()`. */
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
  const unknown = new McpoError('MCPO_UNSUPPORTED_MEDIA_TYPE', 'unsupported content encoding of the body', {
    headers: { 'Accept-Encoding': 'gzip, deflate, br' },
  });
  if (length !== undefined) throw unknown;
  return { decoder: undefined, refusal: unknown };
}

/** Collects a body. After an error the rest is discarded. */
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
        const detail = `only ${received} of the ${length} bytes of the body arrived; if another middleware reads it: ${REMEDY}`;
        fail(new McpoError('MCPO_INVALID_BODY', detail));
      } else {
        ended = true;
        // A decoder fails on an empty body.
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
          // The decoder never consumes bytes after the end of its data.
          req.unpipe(decoder);
          if (!ended) flow(req);
          settle();
        });
      req.pipe(decoder);
    }
    flow(req);
  });
}

/** Makes a body flow, whatever the host has done to its stream. */
export function flow(req: IncomingMessage): void {
  req.resume();
  if (req.listenerCount('readable') === 0) return;
  // A stream with a `readable` listener does not flow, and that listener may not read.
  const read = (): void => {
    setImmediate(() => {
      while (req.read() !== null);
    });
  };
  req.on('readable', read);
  read();
}

/** The error of a body that is too large. */
export function tooLarge(limit: number): McpoError {
  return new McpoError('MCPO_BODY_TOO_LARGE', `the body is larger than ${String(limit)} bytes`);
}
