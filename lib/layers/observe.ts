import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Layer } from '../http';
import { stateOf } from '../request-state';
import type { Telemetry } from '../telemetry';

const HEADER = 'X-Request-Id';
const SAFE = /^[\w.:+/=-]{1,128}$/;

/**
 * Starts the clock, and gives every request an id in `X-Request-Id`: the host's, else the one that came with the request,
 * else a new UUID.
 */
export function observe(telemetry: Telemetry): Layer {
  return function observe(req, res, next) {
    telemetry.begin(req, requestId(req, res));
    next();
  };
}

function requestId(req: IncomingMessage, res: ServerResponse): string {
  const known = res.getHeader(HEADER);
  if (known !== undefined) return String(known);
  const given = stateOf(req).headers['x-request-id'];
  const id = typeof given === 'string' && SAFE.test(given) ? given : randomUUID();
  res.setHeader(HEADER, id);
  return id;
}
