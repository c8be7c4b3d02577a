import type { Scenario } from '../scenario';
import { blockingTool } from './blocking-tool';
import { cacheHit } from './cache-hit';
import { callThrough } from './call-through';
import { callThroughHttp } from './call-through-http';
import { latency } from './latency';
import { layers } from './layers';
import { mcpoTable } from './mcpo-table';
import { sharedCalls } from './shared-calls';
import { slowCalls } from './slow-calls';
import { tools } from './tools';

/** All benchmarks, by the name that `npm run bench` takes. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'cache-hit': cacheHit,
  'call-through': callThrough,
  'call-through-http': callThroughHttp,
  latency,
  'shared-calls': sharedCalls,
  'blocking-tool': blockingTool,
  layers,
  tools,
  'slow-calls': slowCalls,
  'mcpo-table': mcpoTable,
};
