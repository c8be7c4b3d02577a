import {
  BARE_NODE,
  EXPRESS_ROUTE,
  MCPO,
  MOUNTED,
  PLAIN,
  bareNode,
  calls,
  expressRoute,
  mcpo,
  mounted,
  plain,
  stdio,
} from '../candidates';
import { type Comparison, ratio } from '../scenario';

/** The same call again and again, answered from the cache, against the least that a route can do. */
export const cacheHit: Comparison = {
  title: 'Cache hit',
  candidates: [mounted(stdio()), plain(stdio()), expressRoute('hello'), bareNode('hello'), mcpo()],
  connections: [1, 8, 32, 128],
  traffic: calls('read', 'same', { message: 'hello' }),
  answer: 'hello',
  findings: (measured) => [
    ratio(measured, [MOUNTED, EXPRESS_ROUTE], 32, { atLeast: 1 }),
    ratio(measured, [PLAIN, EXPRESS_ROUTE], 32, { atLeast: 3 }),
    ratio(measured, [PLAIN, MCPO], 32, { atLeast: 20 }),
    ratio(measured, [PLAIN, BARE_NODE], 32),
    // What there is to be reached on this machine.
    ratio(measured, [BARE_NODE, MCPO], 32),
    ratio(measured, [EXPRESS_ROUTE, MCPO], 32),
  ],
};
