import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { holdBody } from '../http/body-stream';
import type { Layer } from '../http/compose';
import { newState } from '../http/request-state';

const HEADER = 'X-Request-Id';
const SAFE = /^[\w.:+/=-]{1,128}$/;

/**
 * Starts the clock, has the body wait until the caller is known, and gives every request an id in `X-Request-Id`: the host's,
 * else the one that came with the request, else a new UUID.
 */
export function observe(): Layer {
  return function observe(req, res, next) {
    const state = newState(req);
    holdBody(req, res);
    state.id = requestId(req.headers, res);
    next();
  };
}

function requestId(headers: IncomingHttpHeaders, res: ServerResponse): string {
  const known = res.getHeader(HEADER);
  if (known !== undefined) return String(known);
  const given = headers['x-request-id'];
  const id = typeof given === 'string' && SAFE.test(given) ? given : randomUUID();
  res.setHeader(HEADER, id);
  return id;
}
