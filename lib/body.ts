import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { type MaybePromise, whenThere } from './cache/maybe-promise';
import { callerGone } from './departure';
import { McpoError, isMcpoError } from './errors';
import { stateOf } from './request-state';

type Chunk = Buffer | string;
type JsonObject = Readonly<Record<string, unknown>>;

/** What a number beyond 1.8e308 has: an exponent of three digits, or three hundred of its own. */
const MAY_OVERFLOW = /[eE]\+?\d{3}|\d{300}/;

/** What has come is there once this has been waited for: Node goes through all of it first. */
const ARRIVED = Promise.resolve();

const DECODERS = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress };

/**
 * The body of a request as a JSON object; `{}` when there is none. A body that a parser of the host (`express.json()`)
 * has read already is taken from `req.body`.
 *
 * @param limit - the largest body, in bytes, after decompression too
 * @throws McpoError MCPO_UNSUPPORTED_MEDIA_TYPE, MCPO_BODY_TOO_LARGE, MCPO_INVALID_JSON, MCPO_INVALID_BODY
 */
export function readJsonObject(req: IncomingMessage, limit: number): Promise<JsonObject> {
  return ARRIVED.then(() => whenThere(valueOf(req, limit), asObject));
}

function valueOf(req: IncomingMessage, limit: number): MaybePromise<unknown> {
  const { headers } = stateOf(req);
  const { 'content-type': type, 'content-length': length } = headers;
  if (type !== undefined && !isJson(type)) {
    throw new McpoError('MCPO_UNSUPPORTED_MEDIA_TYPE', 'the body must be application/json in UTF-8', {
      headers: { Accept: 'application/json' },
    });
  }
  if (Number(length) > limit) throw tooLarge(limit);
  const empty = length === undefined ? isWithoutBody(req, headers) : Number(length) === 0;
  if (empty) return {};
  if (type === undefined)
    throw new McpoError('MCPO_UNSUPPORTED_MEDIA_TYPE', 'the body needs Content-Type: application/json');
  if (req.readableEnded) return parsedBy(req);
  return whenThere(bytesOf(req, headers, limit), parse);
}

function asObject(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new McpoError('MCPO_INVALID_BODY', 'the body must be a JSON object');
  }
  return value as JsonObject;
}

/** Of a request that does not say how long its body is. */
function isWithoutBody(req: IncomingMessage, headers: IncomingHttpHeaders): boolean {
  if (req.httpVersionMajor < 2) return headers['transfer-encoding'] === undefined;
  // RFC 9113 section 8.1: no length need be told, and a stream that has ended with its headers has no body.
  return (req as { stream?: { readonly endAfterHeaders: boolean } }).stream?.endAfterHeaders === true;
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

/** What a parser of the host has made of a body that it has read. */
function parsedBy(req: IncomingMessage): unknown {
  const { body } = req as { body?: unknown };
  if (Buffer.isBuffer(body)) return parse(body);
  if (typeof body === 'string') return parse(Buffer.from(body));
  return finite(body);
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

function bytesOf(req: IncomingMessage, headers: IncomingHttpHeaders, limit: number): MaybePromise<Buffer> {
  const { 'content-encoding': encoding = 'identity', 'content-length': length } = headers;
  if (req.destroyed) throw callerGone();
  // A body that came with its head needs no listeners.
  if (encoding === 'identity' && !req.readableFlowing && req.readableLength === Number(length)) {
    const whole = req.read() as Chunk | null;
    // To its end, of which the host may want to hear.
    req.resume();
    if (whole) return bytesIn(whole, req);
  }
  return collected(req, decoded(req, encoding.trim().toLowerCase()), limit);
}

/** The host may have had the body decoded as text. */
function bytesIn(chunk: Chunk, req: IncomingMessage): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, req.readableEncoding ?? 'utf8') : chunk;
}

function decoded(req: IncomingMessage, encoding: string): Readable {
  if (encoding === 'identity') return req;
  if (!Object.hasOwn(DECODERS, encoding)) {
    throw new McpoError('MCPO_UNSUPPORTED_MEDIA_TYPE', 'the body has a content encoding that is not known', {
      headers: { 'Accept-Encoding': 'gzip, deflate, br' },
    });
  }
  const decoder = DECODERS[encoding as keyof typeof DECODERS]();
  req.once('close', () => {
    // A caller who goes away in the middle must not leave the decoder waiting.
    if (!req.readableEnded) decoder.destroy(new Error('aborted'));
  });
  return req.pipe(decoder);
}

/** Collects a stream. What comes after an error is not kept: Node drains it once the answer is sent. */
function collected(req: IncomingMessage, stream: Readable, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let ended = false;
    const fail = (error: McpoError): void => {
      stream.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      reject(error);
    };
    const onData = (data: Chunk): void => {
      const chunk = bytesIn(data, req);
      size += chunk.length;
      chunks.push(chunk);
      if (size <= limit) return;
      fail(tooLarge(limit));
      stream.on('error', () => undefined);
      // What is still to come is not even decompressed.
      req.unpipe();
      if (stream !== req) stream.destroy();
      req.resume();
    };
    const onEnd = (): void => {
      ended = true;
      resolve(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks, size));
    };
    const onError = (error: unknown): void => {
      fail(new McpoError('MCPO_INVALID_JSON', 'the body cannot be read', { cause: error }));
    };
    const onClose = (): void => {
      if (!ended) fail(callerGone());
    };
    stream.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

function tooLarge(limit: number): McpoError {
  return new McpoError('MCPO_BODY_TOO_LARGE', `the body is larger than ${String(limit)} bytes`);
}
