import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { McpoError } from '../errors';
import { stateOf } from './request-state';

const ABSOLUTE = /^https?:\/\/[^/?#]*/i;

/** Up to this size, in bytes, a body is copied behind its headers instead of written separately. */
const MAX_ONE_PIECE = 16_384;

/** The path of a request below the mount point, percent-encoded, without the query. */
export function pathOf(req: IncomingMessage): string {
  // A host without Express may have removed the whole mount path.
  return pathIn(req.url || '/');
}

/** Of a target in origin form, or in absolute form (RFC 9112, 3.2.2): `http://host/path`. */
function pathIn(target: string): string {
  const isAbsolute = target[0] !== '/' && ABSOLUTE.test(target);
  const path = isAbsolute ? target.replace(ABSOLUTE, '') : target;
  const query = path.indexOf('?');
  return (query === -1 ? path : path.slice(0, query)) || '/';
}

/** Closes the connection after the response, so that `server.close()` need not wait for it. */
export function endConnection(req: IncomingMessage, res: ServerResponse): void {
  // HTTP/2 has no such header.
  if (req.httpVersionMajor === 1) res.setHeader('Connection', 'close');
}

/** Sends a response. */
export function send(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Buffer | string,
): void {
  res.statusCode = status;
  for (const name in headers) res.setHeader(name, headers[name] ?? '');
  const isExpecting = req.headers.expect !== undefined;
  // Node writes a string together with the headers and adds its length; latin1 preserves the bytes. A replaced `end()`, and what
  // stands for a socket in an adapter of AWS Lambda, may ignore the encoding.
  const isOnePiece =
    typeof body !== 'string' &&
    body.length <= MAX_ONE_PIECE &&
    res.socket instanceof Socket &&
    !Object.hasOwn(res, 'end');
  if (isOnePiece && !isExpecting && req.method !== 'HEAD') {
    res.end(body.toString('latin1'), 'latin1');
    return;
  }
  res.setHeader('Content-Length', Buffer.byteLength(body));
  // Node would write "100 Continue" of a pipelined request between head and body.
  if (isExpecting) res.flushHeaders();
  if (req.method === 'HEAD') res.end();
  else res.end(body);
}

/** Sends an error as problem details (RFC 9457). */
export function sendProblem(req: IncomingMessage, res: ServerResponse, error: McpoError): void {
  const tool = stateOf(req).entry?.tool;
  const body = JSON.stringify({
    ...error.toJSON(),
    instance: originalPath(req),
    requestId: res.getHeader('X-Request-Id'),
    ...(tool && { server: tool.server, tool: tool.name }),
  });
  const headers = { ...error.headers, 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' };
  send(req, res, error.status, headers, body);
}

/** The path as the client sent it, without the query, which may hold secrets. */
export function originalPath(req: IncomingMessage): string {
  const { originalUrl } = req as { originalUrl?: unknown };
  return typeof originalUrl === 'string' ? pathIn(originalUrl) : pathOf(req);
}
