import type { IncomingMessage, ServerResponse } from 'node:http';

/** A middleware for Express 4, Express 5 and plain `http.createServer()`. */
export type Layer = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

/** An error middleware: Express recognises it by its four parameters. */
export type ErrorLayer = (
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Makes a rejection handler that passes the reason to `next`. Without a reason it passes an Error, as `next()` alone would
 * continue the request.
 */
export function failing(next: (error?: unknown) => void): (reason: unknown) => void {
  return (reason) => next(reason ?? new Error('rejected without a reason'));
}

/**
 * Composes layers into one middleware. What a layer throws or passes to `next` goes to `problems`. Unlike Express,
 * it does not match path and parameters before each layer.
 */
export function compose(layers: readonly Layer[], problems: ErrorLayer): Layer {
  return function compose(req, res, done) {
    let index = 0;
    const fail = (error: unknown): void => {
      try {
        problems(error, req, res, done);
      } catch (thrown) {
        // There may be no caller to catch it.
        done(thrown ?? new Error('thrown without a reason'));
      }
    };
    const next = (error?: unknown): void => {
      if (error !== undefined) {
        fail(error);
        return;
      }
      const layer = layers[index++];
      if (!layer) {
        done();
        return;
      }
      try {
        layer(req, res, next);
      } catch (thrown) {
        fail(thrown);
      }
    };
    next();
  };
}
