import type { ServerResponse } from 'node:http';
import type { Answer, CacheStatus } from '../calls/call';
import type { Next } from '../calls/layer';
import { McpoError, callerGone } from '../errors';
import { AnswerBatcher } from '../http/answer-batcher';
import type { Layer } from '../http/compose';
import { hasResponseEnded, onResponseEnd } from '../http/disconnect';
import { stateOf } from '../http/request-state';
import { endConnection, send } from '../http/response';
import { countUnread } from '../http/unread';
import type { ServerRegistry } from '../servers/registry';
import type { BufferedBytes } from '../util/buffered-bytes';

/** Pointers that `X-MCPO-Arguments` names. */
const MAX_ADJUSTED = 10;
/** In characters, of each: clients take headers of some KiB. */
const MAX_POINTER_LENGTH = 200;

/** Runs the call through the call layers and sends the answer. Cancels the call when its caller leaves. */
export function respond(run: Next, servers: ServerRegistry, buffers: BufferedBytes): Layer {
  const hits = new AnswerBatcher();
  return function respond(req, res, next) {
    const { call, canceller } = stateOf(req);
    if (!call || !canceller)
      throw new McpoError('MCPO_INTERNAL', 'the layer respond needs the layer readArguments before it');
    const end = servers.begin();
    const leave = (): void => canceller.abort(callerGone());
    if (hasResponseEnded(req, res)) leave();
    let stay: (() => void) | undefined;
    let isAnswered = false;
    // A hit is there before anybody can leave, and needs no listener.
    process.nextTick(() => {
      if (!isAnswered) stay = onResponseEnd(req, res, leave);
    });

    const finish = (write: () => void): void => {
      stay?.();
      end();
      if (res.headersSent || res.destroyed) return;
      try {
        if (servers.closing) endConnection(req, res);
        setCacheHeaders(res, call.cacheStatus);
        const { adjusted } = call.cacheStatus;
        if (adjusted)
          res.setHeader('X-MCPO-Arguments', `adjusted;at=(${adjusted.slice(0, MAX_ADJUSTED).map(quoted).join(' ')})`);
        write();
      } catch (error) {
        // Of what the host has put in place of the response's own methods.
        next(error);
      }
    };
    const answer = ({ body, companions }: Answer): void =>
      finish(() => {
        if (companions > 0) res.setHeader('X-MCPO-Content', String(companions));
        countUnread(req, res, body.length, buffers);
        send(req, res, 200, { 'Content-Type': call.format }, body);
      });
    run(call).then(
      (answered) => {
        isAnswered = true;
        if (call.cacheStatus.hit) hits.add(() => answer(answered));
        else answer(answered);
      },
      (error: unknown) => {
        isAnswered = true;
        finish(() => next(error));
      },
    );
  };
}

/** A JSON Pointer as a string of RFC 9651, percent-encoded. */
function quoted(pointer: string): string {
  const names = pointer.toWellFormed().split('/').map(encodeURIComponent);
  return `"${names.join('/').slice(0, MAX_POINTER_LENGTH)}"`;
}

/** RFC 9211, and RFC 9111 section 5.1. */
function setCacheHeaders(res: ServerResponse, { hit, forwarded, collapsed, stored }: CacheStatus): void {
  if (hit) {
    const ttl = hit.ttlMs === undefined ? '' : `; ttl=${Math.ceil(hit.ttlMs / 1_000)}`;
    res.setHeader('Cache-Status', `express-mcpo; hit${ttl}`);
    res.setHeader('Age', String(Math.floor(hit.ageMs / 1_000)));
  } else if (forwarded) {
    const more = `${collapsed ? '; collapsed' : ''}${stored ? '; stored' : ''}`;
    res.setHeader('Cache-Status', `express-mcpo; fwd=${forwarded}${more}`);
  }
}
