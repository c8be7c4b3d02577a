import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { REMEDY, bytesOf, flow, isCut, streamBelow, tooLarge } from './body-stream';
import { type MaybePromise, mapMaybe } from '../util/maybe-promise';
import { McpoError, callerGone } from '../errors';
import { StrictJsonError, parseStrictJson } from '../util/exact-json';
import { type JsonObject, isObject } from '../util/json-object';

/** After one microtask, Node has handed over everything that has arrived. */
const ARRIVED = Promise.resolve();

/**
 * Reads the body of a request as a JSON object; `{}` if it is empty. A body that the host has already parsed
 * (`express.json()`) is taken from `req.body`.
 *
 * @param limit - the maximum size in bytes, before and after decompression
 * @throws McpoError MCPO_UNSUPPORTED_MEDIA_TYPE, MCPO_BODY_TOO_LARGE, MCPO_INVALID_JSON, MCPO_INVALID_BODY
 */
export function readJsonObject(req: IncomingMessage, limit: number): Promise<JsonObject> {
  const read = (): MaybePromise<JsonObject> => mapMaybe(valueOf(req, limit), asObject);
  if (req.readableFlowing === null) return ARRIVED.then(read);
  // The host, which has paused or resumed the stream, may resume it before the next microtask.
  return new Promise((resolve) => resolve(read()));
}

function valueOf(req: IncomingMessage, limit: number): MaybePromise<unknown> {
  const { headers } = req;
  const { 'content-length': length } = headers;
  if (Number(length) === 0 || isWithoutBody(req, headers)) return {};
  const refusal = refusalOf(headers);
  const hasBeenRead = req.readableDidRead || isReadBelow(req);
  // Node does not discard the rest of a body that has been partly read.
  if (hasBeenRead) flow(req);
  if (refusal && (length !== undefined || hasBeenRead)) throw refusal;
  if (Number(length) > limit) throw tooLarge(limit);
  if (hasBeenRead) return parsedBy(req, length);
  if (!req.readableEnded) return mapMaybe(bytesOf(req, headers, limit, refusal), parse);
  if (isCut(req)) throw callerGone();
  const isEmpty = length === undefined && (refusal !== undefined || bodyOf(req) === undefined);
  return isEmpty ? {} : parsedBy(req, length);
}

function asObject(value: unknown): JsonObject {
  if (!isObject(value)) throw new McpoError('MCPO_INVALID_BODY', 'the body must be a JSON object');
  return value;
}

/** Whether a request certainly has no body. */
function isWithoutBody(req: IncomingMessage, headers: IncomingHttpHeaders): boolean {
  if (headers['content-length'] !== undefined) return false;
  // RFC 9113 section 8.1: the length is optional, and a stream that ends with its headers has no body.
  if (req.httpVersionMajor > 1) return streamBelow(req)?.endAfterHeaders === true;
  // The host may have removed the headers that announce a body.
  const isOver = req.complete && req.readableLength === 0 && !req.readableDidRead;
  return headers['transfer-encoding'] === undefined && isOver;
}

/** Whether the host has read the HTTP/2 stream instead of the request. */
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

/** The body as the host has parsed it. */
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
 * Whether `req.body` may be the `{}` that the parsers of Express 4 assign to every request. Those that have read the body set
 * `req._body`. Express 5, which has no `req.param()`, does not do this.
 */
function isPlaceholder(body: unknown, req: IncomingMessage, length: string | undefined): boolean {
  const { _body: isParsed, param } = req as { _body?: unknown; param?: unknown };
  if (isParsed === true || param === undefined || length === '2') return false;
  return isObject(body) && Object.keys(body).length === 0;
}

function parse(bytes: Buffer): unknown {
  if (bytes.length === 0) return {};
  if (!isUtf8(bytes)) throw new McpoError('MCPO_INVALID_JSON', 'the body is not valid UTF-8');
  try {
    // RFC 8259 section 8.1 lets a parser ignore a byte order mark.
    return parseStrictJson(bytes.toString('utf8', startsWithMark(bytes) ? 3 : 0));
  } catch (error) {
    const detail = error instanceof StrictJsonError ? error.message : 'the body is not valid JSON';
    throw new McpoError('MCPO_INVALID_JSON', detail, { cause: error });
  }
}

function startsWithMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

/**
 * Rejects numbers that the host's parser could not represent: they would be forwarded as `null`. Iterative, as a body may be
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
