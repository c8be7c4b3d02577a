import type { Tier } from '../budgets';

/** What is run: jest by itself runs any suite that is named, as `test:all` does. */
const TIER = (process.env.TIER ?? 'all') as Tier;

/** How much a suite does that is in `test:all` and, at scale, in `test:nightly`. */
export function atScale(all: number, nightly: number): number {
  return TIER === 'nightly' ? nightly : all;
}
