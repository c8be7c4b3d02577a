import { BY_HAND, byHand, calls, mounted, stdio } from '../candidates';
import { type Comparison, ratio } from '../scenario';

const ONE = 'express-mcpo, 1 connection';
const TEN = 'express-mcpo, 10 connections';
const DEFAULT = 'express-mcpo, default pool';

/** A tool that blocks its process for 50 ms: more processes are all that helps. */
export const blockingTool: Comparison = {
  title: 'A tool that blocks its process for 50 ms',
  candidates: [
    mounted(stdio(), { pool: { minConnections: 1, maxConnections: 1 } }, ONE),
    mounted(stdio(), { pool: { minConnections: 10, maxConnections: 10 } }, TEN),
    mounted(stdio(), {}, DEFAULT),
    byHand(stdio()),
  ],
  connections: [40],
  traffic: calls('block', 'distinct', { message: 'hello %d', ms: 50 }),
  answer: 'hello 7',
  findings: (measured) => [
    ratio(measured, [TEN, ONE], 40, { atLeast: 9 }),
    ratio(measured, [DEFAULT, ONE], 40, { atLeast: 5 }),
    ratio(measured, [TEN, BY_HAND], 40),
  ],
};
