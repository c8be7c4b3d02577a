import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BufferedBytes } from '../util/buffered-bytes';
import { onResponseEnd } from './disconnect';

/** Shorter answers are not counted: a listener for each would cost more. */
const MIN_BYTES = 16_384;
/** A caller who has read nothing of its answer for so long is cut off. Node looks at it this often, so it may take twice as long. */
const UNREAD_MS = 30_000;

/** Counts an answer until its caller has read it. To be called before it is sent. */
export function countUnread(req: IncomingMessage, res: ServerResponse, bytes: number, buffers: BufferedBytes): void {
  if (bytes < MIN_BYTES) return;
  buffers.leave(bytes);
  onResponseEnd(req, res, () => buffers.leave(-bytes));
  // Node restarts this time-out whenever the other side has read something.
  res.setTimeout(UNREAD_MS, () => cut(res));
  if (req.httpVersionMajor > 1) return;
  // It is the socket's, which may be used further. Before Node's own listener, which sets the one for idle connections.
  const { timeout = 0 } = req.socket;
  res.prependOnceListener('finish', () => req.socket.setTimeout(timeout));
}

function cut(res: ServerResponse): void {
  // An HTTP/2 response cannot be destroyed, but its stream.
  const { stream = res } = res as { stream?: { destroy(): unknown } };
  stream.destroy();
}
