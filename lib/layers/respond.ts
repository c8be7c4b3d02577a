import type { CacheStatus } from '../calls/call';
import type { Next } from '../calls/pipeline';
import { McpoError, callerGone } from '../errors';
import { AnswerBatcher } from '../http/answer-batcher';
import type { Layer } from '../http/compose';
import { hasResponseEnded, onResponseEnd } from '../http/disconnect';
import { stateOf } from '../http/request-state';
import { endConnection, send } from '../http/response';
import type { ServerRegistry } from '../servers/registry';

/** Runs the call through the call layers and sends the answer. Cancels the call when its caller leaves. */
export function respond(run: Next, servers: ServerRegistry): Layer {
  const hits = new AnswerBatcher();
  return function respond(req, res, next) {
    const { call, canceller } = stateOf(req);
    if (!call || !canceller)
      throw new McpoError('MCPO_INTERNAL', 'the layer respond needs the layer readArguments before it');
    const end = servers.begin();
    const leave = (): void => canceller.abort(callerGone());
    if (hasResponseEnded(req, res)) leave();
    const stopWatching = onResponseEnd(req, res, leave);

    const answer = (write: () => void): void => {
      stopWatching();
      end();
      if (res.headersSent || res.destroyed) return;
      if (servers.closing) endConnection(req, res);
      for (const [name, value] of cacheHeaders(call.cacheStatus)) res.setHeader(name, value);
      write();
    };
    run(call).then(
      ({ body }) => {
        const write = (): void =>
          answer(() => {
            send(req, res, 200, { 'Content-Type': call.format }, body);
          });
        if (call.cacheStatus.hit) hits.add(write);
        else write();
      },
      (error: unknown) => {
        answer(() => next(error));
      },
    );
  };
}

/** RFC 9211, and RFC 9111 section 5.1. */
function cacheHeaders({ hit, forwarded, collapsed, stored }: CacheStatus): readonly (readonly [string, string])[] {
  if (hit) {
    const ttl = hit.ttlMs === undefined ? '' : `; ttl=${Math.ceil(hit.ttlMs / 1_000)}`;
    return [
      ['Cache-Status', `express-mcpo; hit${ttl}`],
      ['Age', String(Math.floor(hit.ageMs / 1_000))],
    ];
  }
  if (!forwarded) return [];
  return [
    ['Cache-Status', `express-mcpo; fwd=${forwarded}${collapsed ? '; collapsed' : ''}${stored ? '; stored' : ''}`],
  ];
}
