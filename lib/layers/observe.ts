import { randomUUID } from 'node:crypto';
import type { Layer } from '../http';

const HEADER = 'X-Request-Id';
const SAFE = /^[\w.:+/=-]{1,128}$/;

/** Gives every request an id in `X-Request-Id`: the host's, else the one that came with the request, else a new UUID. */
export function observe(): Layer {
  return function observe(req, res, next) {
    if (!res.hasHeader(HEADER)) {
      const given = req.headers['x-request-id'];
      res.setHeader(HEADER, typeof given === 'string' && SAFE.test(given) ? given : randomUUID());
    }
    next();
  };
}
