import type { McpoOptions } from 'express-mcpo';
import { calls, mounted, stdio } from '../candidates';
import { type Comparison, ratio } from '../scenario';

type Layers = Omit<McpoOptions, 'servers'>;

const ALL = 'all layers';
const NONE = 'none that can be switched off';
const OFF = {
  cache: { cache: false },
  share: { share: false },
  retry: { retry: false },
  alerts: { monitor: { alerts: false } },
} satisfies Record<string, Layers>;

/** A reading tool, so that no layer stands aside, with arguments that never repeat, so that none of them helps. */
export const layers: Comparison = {
  title: 'What the layers cost',
  candidates: [
    mounted(stdio(), {}, ALL),
    mounted(stdio(), { ...OFF.cache, ...OFF.share, ...OFF.retry, ...OFF.alerts }, NONE),
    ...Object.entries(OFF).map(([name, options]) => mounted(stdio(), options, `without ${name}`)),
  ],
  connections: [32],
  traffic: calls('read', 'distinct', { message: 'hello %d' }),
  answer: 'hello 7',
  findings: (measured) => [
    ratio(measured, [ALL, NONE], 32, { atLeast: 0.9 }),
    ...Object.keys(OFF).map((name) => ratio(measured, [ALL, `without ${name}`], 32)),
  ],
};
