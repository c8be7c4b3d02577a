import type { IncomingMessage, ServerResponse } from 'node:http';
import { Router } from 'express';
import type { Layer } from './http/compose';

/** How a Router takes a request. Express calls it by this name; its types leave it out. */
interface Dispatcher {
  handle(req: IncomingMessage, res: ServerResponse, done: (error?: unknown) => void): void;
}

/**
 * An Express Router with one layer, which is given every request at once: where there is only what fits all, a search for
 * what fits is time lost. As soon as anything else has been added to it, the Router searches as any other does.
 */
export function oneLayerRouter(layer: Layer): Router {
  const router = Router() as Router & Dispatcher;
  router.use(layer);
  const [only] = router.stack;
  const dispatch = router.handle.bind(router);
  router.handle = (req, res, done) => {
    if (router.stack.length === 1 && router.stack[0] === only) layer(req, res, done);
    else dispatch(req, res, done);
  };
  return router;
}
