/** How much a suite does that is in `test:all` and, at scale, in `test:nightly`; jest by itself runs it as `test:all` does. */
export function atScale(all: number, nightly: number): number {
  return process.env.TIER === 'nightly' ? nightly : all;
}
