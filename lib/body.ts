import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex, Transform, Writable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { type MaybePromise, whenThere } from './cache/maybe-promise';
import { callerGone } from './departure';
import { McpoError, isMcpoError } from './errors';
import { propertyOf, stateOf } from './request-state';

type Chunk = Buffer | string;
type JsonObject = Readonly<Record<string, unknown>>;

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

/** What a number beyond 1.8e308 has: an exponent of three digits, or three hundred of its own. */
const MAY_OVERFLOW = /[eE]\+?\d{3}|\d{300}/;

/** What has come is there once this has been waited for: Node goes through all of it first. */
const ARRIVED = Promise.resolve();

const DECODERS = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress };

const REMEDY =
  'mount express.json() before that middleware, or the router before it, or have it set req.body to what it has read';

/**
 * Keeps a body that somebody listens to from being read before the router knows the caller: a stream that has been told to
 * flow begins with it in the next tick. It goes on as soon as anybody wants its data, then for all who listen.
 */
export function holdBody(req: IncomingMessage, res: ServerResponse): void {
  const stream = streamBelow(req);
  const flows = propertyOf(req, 'readableFlowing') === true && !req.readableEnded;
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

/**
 * The body of a request as a JSON object; `{}` when it has no bytes, whatever its type. A body that a parser of the host
 * (`express.json()`) has read already is taken from `req.body`.
 *
 * @param limit - the largest body, in bytes, before and after decompression
 * @throws McpoError MCPO_UNSUPPORTED_MEDIA_TYPE, MCPO_BODY_TOO_LARGE, MCPO_INVALID_JSON, MCPO_INVALID_BODY
 */
export function readJsonObject(req: IncomingMessage, limit: number): Promise<JsonObject> {
  const read = (): MaybePromise<JsonObject> => whenThere(valueOf(req, limit), asObject);
  if (propertyOf(req, 'readableFlowing') === null) return ARRIVED.then(read);
  // Who has paused or started the stream may start it again before the next turn.
  return new Promise((resolve) => {
    resolve(read());
  });
}

function valueOf(req: IncomingMessage, limit: number): MaybePromise<unknown> {
  const { headers } = stateOf(req);
  const { 'content-length': length } = headers;
  if (Number(length) === 0 || isWithoutBody(req, headers)) return {};
  const refusal = refusalOf(headers);
  const hasBeenRead = req.readableDidRead || isReadBelow(req);
  // Node throws away the rest of a body only where nobody has begun with it.
  if (hasBeenRead) flow(req);
  if (refusal && (length !== undefined || hasBeenRead)) throw refusal;
  if (Number(length) > limit) throw tooLarge(limit);
  if (hasBeenRead) return parsedBy(req, length);
  if (!req.readableEnded) return whenThere(bytesOf(req, headers, limit, refusal), parse);
  if (isCut(req)) throw callerGone();
  const isEmpty = length === undefined && (refusal !== undefined || bodyOf(req) === undefined);
  return isEmpty ? {} : parsedBy(req, length);
}

function asObject(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new McpoError('MCPO_INVALID_BODY', 'the body must be a JSON object');
  }
  return value as JsonObject;
}

/** Whether it is known, before anything is read, that a request has no body. */
function isWithoutBody(req: IncomingMessage, headers: IncomingHttpHeaders): boolean {
  if (headers['content-length'] !== undefined) return false;
  // RFC 9113 section 8.1: no length need be told, and a stream that has ended with its headers has no body.
  if (req.httpVersionMajor > 1) return streamBelow(req)?.endAfterHeaders === true;
  // The headers may be the host's, with those left out that tell of a body.
  const isOver = req.complete && req.readableLength === 0 && !req.readableDidRead;
  return headers['transfer-encoding'] === undefined && isOver;
}

function streamBelow(req: IncomingMessage): Http2Stream | undefined {
  if (propertyOf(req, 'httpVersionMajor') < 2) return undefined;
  return (req as { stream?: Http2Stream }).stream;
}

/** Whether somebody has read from the stream of HTTP/2 what the request should have been given. */
function isReadBelow(req: IncomingMessage): boolean {
  return req.readableLength === 0 && streamBelow(req)?.readableDidRead === true;
}

function refusalOf({ 'content-type': type }: IncomingHttpHeaders): McpoError | undefined {
  if (type === undefined) {
    return new McpoError('MCPO_UNSUPPORTED_MEDIA_TYPE', 'the body needs Content-Type: application/json');
  }
  if (isJson(type)) return undefined;
  return new McpoError('MCPO_UNSUPPORTED_MEDIA_TYPE', 'the body must be application/json in UTF-8', {
    headers: { Accept: 'application/json' },
  });
}

/** RFC 8259 section 8.1: JSON between systems is UTF-8. */
function isJson(type: string): boolean {
  if (type === 'application/json') return true;
  const [essence, ...parameters] = type.toLowerCase().split(';');
  if (essence?.trim() !== 'application/json') return false;
  return parameters.every((parameter) => {
    const [name, value] = parameter.split('=');
    return name?.trim() !== 'charset' || /^"?utf-?8"?$/.test(value?.trim() ?? '');
  });
}

/** What a parser of the host has made of a body that has been read. */
function parsedBy(req: IncomingMessage, length: string | undefined): unknown {
  const body = bodyOf(req);
  if (body === undefined || isPlaceholder(body, req, length)) {
    if (isCut(req)) throw callerGone();
    throw new McpoError('MCPO_INVALID_BODY', `another middleware has read the body before the router; ${REMEDY}`);
  }
  if (Buffer.isBuffer(body)) return parse(body);
  if (typeof body === 'string') return parse(Buffer.from(body));
  return finite(body);
}

function bodyOf(req: IncomingMessage): unknown {
  return (req as { body?: unknown }).body;
}

/**
 * Whether `req.body` may be no more than the `{}` that a parser of Express 4 puts there before it looks whether the body is
 * one for it. Those that have read it say so in `req._body`; Express 5 has neither this `{}` nor `req.param()`.
 */
function isPlaceholder(body: unknown, req: IncomingMessage, length: string | undefined): boolean {
  const { _body: isParsed, param } = req as { _body?: unknown; param?: unknown };
  if (isParsed === true || param === undefined || length === '2') return false;
  return typeof body === 'object' && body !== null && !Array.isArray(body) && Object.keys(body).length === 0;
}

/** Whether the rest of a body will not come: the caller has gone. */
function isCut(req: IncomingMessage): boolean {
  const stream = streamBelow(req);
  // HTTP/2 lets a request end when its stream is reset. One that is to be answered is open.
  if (stream) return stream.closed || stream.destroyed;
  return req.destroyed && !req.readableEnded;
}

function parse(bytes: Buffer): unknown {
  if (bytes.length === 0) return {};
  if (!isUtf8(bytes)) throw new McpoError('MCPO_INVALID_JSON', 'the body is not valid UTF-8');
  try {
    // RFC 8259 section 8.1 lets a parser ignore a byte order mark.
    const text = bytes.toString('utf8', startsWithMark(bytes) ? 3 : 0);
    const value: unknown = JSON.parse(text);
    return MAY_OVERFLOW.test(text) ? finite(value) : value;
  } catch (error) {
    if (isMcpoError(error)) throw error;
    throw new McpoError('MCPO_INVALID_JSON', 'the body is not valid JSON', { cause: error });
  }
}

function startsWithMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

/**
 * A number that JavaScript cannot hold would go on as `null`. Neither recursion nor a reviver would do: a body may be
 * nested deeper than the stack allows.
 */
function finite(value: unknown): unknown {
  const left = [value];
  while (left.length > 0) {
    const each = left.pop();
    if (each === Infinity || each === -Infinity) {
      throw new McpoError('MCPO_INVALID_JSON', 'the body holds a number that is too large');
    }
    if (typeof each === 'object' && each !== null) for (const inner of Object.values(each)) left.push(inner);
  }
  return value;
}

function bytesOf(
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
        const came = `${String(received)} of its ${length} bytes`;
        fail(
          new McpoError(
            'MCPO_INVALID_BODY',
            `of the body, ${came} have come; if another middleware reads it: ${REMEDY}`,
          ),
        );
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
function flow(req: IncomingMessage): void {
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

function tooLarge(limit: number): McpoError {
  return new McpoError('MCPO_BODY_TOO_LARGE', `the body is larger than ${String(limit)} bytes`);
}
