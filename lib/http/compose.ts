import type { IncomingMessage, ServerResponse } from 'node:http';

/** A middleware in Node's own terms, so that it runs in Express 4 and 5 and in a plain `http.createServer`. */
export type Layer = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

/** A middleware for errors; Express knows it by its four parameters. */
export type ErrorLayer = (
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Hands a rejection to `next`. A reason there must be: to `next`, none at all means that the request is to go on.
 *
 * @returns the handler of the rejection
 */
export function failing(next: (error?: unknown) => void): (reason: unknown) => void {
  return (reason) => {
    next(reason ?? new Error('rejected without a reason'));
  };
}

/**
 * Layers as one middleware, in their order; what one of them throws or hands to `next` goes to `problems`.
 *
 * Express does the same for each `use()`, and looks at the request's path and parameters before every one of them.
 */
export function compose(layers: readonly Layer[], problems: ErrorLayer): Layer {
  return function compose(req, res, done) {
    let index = 0;
    const fail = (error: unknown): void => {
      try {
        problems(error, req, res, done);
      } catch (thrown) {
        // Nobody may be left above who would catch it.
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
