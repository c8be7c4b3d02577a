import type { ErrorLayer, Layer } from './http';

/**
 * Layers as one middleware, in their order; what one of them throws or hands to `next` goes to `problems`.
 *
 * Express does the same for each `use()`, and looks at the request's path and parameters before every one of them.
 */
export function stack(layers: readonly Layer[], problems: ErrorLayer): Layer {
  return function stack(req, res, done) {
    let index = 0;
    const next = (error?: unknown): void => {
      if (error !== undefined) {
        problems(error, req, res, done);
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
        problems(thrown, req, res, done);
      }
    };
    next();
  };
}
