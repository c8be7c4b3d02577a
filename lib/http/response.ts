import type { IncomingMessage, ServerResponse } from 'node:http';

/** A body that is copied sooner than written by itself, in bytes. */
const MAX_ONE_PIECE = 16_384;

/** The path of a request below the mount point, percent-encoded, without the query. */
export function pathOf(req: IncomingMessage): string {
  const url = req.url ?? '/';
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

/** Has the connection closed after the answer: a server that is told to close would wait for one that is kept. */
export function endConnection(req: IncomingMessage, res: ServerResponse): void {
  // HTTP/2 has no such header.
  if (req.httpVersionMajor === 1) res.setHeader('Connection', 'close');
}

/** Sends a whole answer. */
export function send(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Buffer | string,
): void {
  // To set it anew is to add a property: see stateOf().
  if (res.statusCode !== status) res.statusCode = status;
  for (const name in headers) res.setHeader(name, headers[name] ?? '');
  const isExpecting = req.headers.expect !== undefined;
  // A string goes out in one piece with the headers, and latin1 leaves its bytes as they are; Node adds its length. Who has
  // put an `end` of their own in place of Node's may not pass the encoding on.
  const isOnePiece = typeof body !== 'string' && body.length <= MAX_ONE_PIECE && !Object.hasOwn(res, 'end');
  if (isOnePiece && !isExpecting && req.method !== 'HEAD') {
    res.end(body.toString('latin1'), 'latin1');
    return;
  }
  res.setHeader('Content-Length', Buffer.byteLength(body));
  // Node writes its "100 Continue" to a pipelined request between head and body, unless the head has gone before.
  if (isExpecting) res.flushHeaders();
  if (req.method === 'HEAD') res.end();
  else res.end(body);
}
