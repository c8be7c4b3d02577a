import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Listeners = Set<() => void>;

const queued = new WeakMap<Socket, Listeners>();

/** Whether a response has ended: sent, or its connection closed. */
export function hasResponseEnded(req: IncomingMessage, res: ServerResponse): boolean {
  if (res.closed) return true;
  // An HTTP/2 response does not know that its stream is closed.
  if (req.httpVersionMajor > 1) return (res as { stream?: { readonly destroyed: boolean } }).stream?.destroyed === true;
  return isQueued(res) && req.socket.destroyed;
}

/**
 * Calls `listener` once, when a response has ended: sent, or its connection closed. Node does not tell the queued response
 * of a pipelined request that the connection is closed.
 *
 * @returns a function that removes the listener
 */
export function onResponseEnd(req: IncomingMessage, res: ServerResponse, listener: () => void): () => void {
  const listeners = isQueued(res) ? listenersOf(req.socket) : undefined;
  const remove = (): void => {
    res.off('close', onEnd);
    listeners?.delete(onEnd);
  };
  const onEnd = (): void => {
    remove();
    listener();
  };
  res.once('close', onEnd);
  listeners?.add(onEnd);
  return remove;
}

/** A response gets its socket when all before it have been sent. */
function isQueued(res: ServerResponse): boolean {
  return res.socket === null;
}

/** One listener of the socket serves all its pipelined requests. */
function listenersOf(socket: Socket): Listeners {
  let listeners = queued.get(socket);
  if (!listeners) {
    const all: Listeners = new Set();
    socket.once('close', () => {
      for (const onEnd of all) onEnd();
    });
    queued.set(socket, all);
    listeners = all;
  }
  return listeners;
}
