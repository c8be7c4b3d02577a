import type { IncomingMessage, ServerResponse } from 'node:http';
import { Router } from 'express';
import type { Layer } from './http/compose';

/** The method by which Express hands a request to a Router; missing in its types. */
interface Dispatcher {
  handle(req: IncomingMessage, res: ServerResponse, done: (error?: unknown) => void): void;
}

/**
 * An Express Router with one layer, which gets every request without a search through the stack. As soon as the host adds
 * another layer, the Router searches as usual.
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
