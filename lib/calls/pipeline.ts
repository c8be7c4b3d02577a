import type { Config } from '../config/config';
import type { Acceleration } from './acceleration';
import { cache } from './cache';
import { check } from './check';
import { invoke } from './invoke';
import type { CallLayer, Next } from './layer';
import { limit } from './limit';
import { measure } from './measure';
import { share } from './share';
import { hostLayer } from './use';

/** The whole way of a call, from the outside in; with or without HTTP. */
export function pipeline(config: Config, { cache: caches, freshness, flights, fleet }: Acceleration): Next {
  const windowMs = config.share?.windowMs ?? 0;
  const layers: readonly CallLayer[] = [
    measure(config.logger), // sees every end
    ...config.use.map(hostLayer), // the host's own, once for each caller
    check, // the arguments against the tool's schema
    cache(caches, freshness, config.logger), // answers from the store, or keeps the answer
    share({ local: flights, fleet, windowMs }, freshness), // joins the same call in flight, or leads it
    limit, // waits for a permit of the tool, the server and the router
  ];
  // Calls the tool on its server: retry, connection, tools/call.
  return layers.reduceRight<Next>((next, layer) => (call) => layer(call, next), invoke(freshness));
}
