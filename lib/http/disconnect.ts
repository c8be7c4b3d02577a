import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { McpoError } from '../errors';

type Listeners = Set<() => void>;

const queued = new WeakMap<Socket, Listeners>();

/** How a request ends whose caller has gone. */
export function callerGone(): McpoError {
  return new McpoError('MCPO_CALLER_GONE', 'the caller closed the connection');
}

/** Whether a response is over: sent, or its connection closed. */
export function hasResponseEnded(req: IncomingMessage, res: ServerResponse): boolean {
  if (res.closed) return true;
  // HTTP/2 has streams instead, whose responses do not say that they are closed.
  if (req.httpVersionMajor > 1) return (res as { stream?: { readonly destroyed: boolean } }).stream?.destroyed === true;
  return isQueued(res) && req.socket.destroyed;
}

/**
 * Calls `listener` once, when a response is over: sent, or its connection closed. A response to a pipelined request that
 * waits for its turn is not told by Node that the connection is closed.
 *
 * @returns forgets the listener
 */
export function onResponseEnd(req: IncomingMessage, res: ServerResponse, listener: () => void): () => void {
  const listeners = isQueued(res) ? listenersOf(req.socket) : undefined;
  const forget = (): void => {
    res.off('close', tell);
    listeners?.delete(tell);
  };
  const tell = (): void => {
    forget();
    listener();
  };
  res.once('close', tell);
  listeners?.add(tell);
  return forget;
}

/** It gets its socket when all before it have been sent. */
function isQueued(res: ServerResponse): boolean {
  return res.socket === null;
}

/** One listener of the socket for all: there may be any number of requests in the pipeline. */
function listenersOf(socket: Socket): Listeners {
  let listeners = queued.get(socket);
  if (!listeners) {
    const all: Listeners = new Set();
    socket.once('close', () => {
      for (const tell of all) tell();
    });
    queued.set(socket, all);
    listeners = all;
  }
  return listeners;
}
