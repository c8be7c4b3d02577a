import type { ErrorLayer, Layer } from './response';

/**
 * Layers as one middleware, in their order; what one of them throws or hands to `next` goes to `problems`.
 *
 * Express does the same for each `use()`, and looks at the request's path and parameters before every one of them.
 */
export function compose(layers: readonly Layer[], problems: ErrorLayer): Layer {
  return function stack(req, res, done) {
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
