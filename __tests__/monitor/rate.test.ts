import fc from 'fast-check';
import { Rate } from '../../lib/monitor/rate';
import { SEED } from '../support/seed';

test('nothing happens', () => {
  const rate = new Rate();
  expect([rate.perSecond(1, 0), rate.perSecond(5, 123_456)]).toEqual([0, 0]);
});

test('an even stream has its rate, whenever one looks', () => {
  const rate = new Rate();
  let now = 1_000;
  for (; now < 8_000; now += 10) rate.count(now);
  for (let ms = 0; ms < 100; ms += 10, now += 10) {
    expect(rate.perSecond(1, now)).toBeCloseTo(100, 6);
    expect(rate.perSecond(5, now)).toBeCloseTo(100, 6);
    rate.count(now);
  }
});

test('a burst counts in full for a second, and for five, and then fades out within 100 ms', () => {
  const rate = new Rate();
  for (let event = 0; event < 50; event++) rate.count(10_000);
  const at = (now: number): number[] => [rate.perSecond(1, now), rate.perSecond(5, now)];
  expect(at(10_000)).toEqual([50, 10]);
  expect(at(11_000)).toEqual([50, 10]);
  expect(at(11_050)).toEqual([25, 10]);
  expect(at(11_100)).toEqual([0, 10]);
  expect(at(15_000)).toEqual([0, 10]);
  expect(at(15_050)).toEqual([0, 5]);
  expect(at(15_100)).toEqual([0, 0]);
});

test('a pause of any length leaves nothing behind', () => {
  for (const pauseMs of [5_100, 5_200, 10_200, 86_400_000]) {
    const rate = new Rate();
    for (let now = 0; now < 6_000; now += 20) rate.count(now);
    rate.count(5_980 + pauseMs);
    expect(rate.perSecond(5, 5_980 + pauseMs)).toBeCloseTo(1 / 5, 6);
  }
});

test('a clock that was set back loses no event', () => {
  const rate = new Rate();
  rate.count(20_050);
  rate.count(300);
  expect(rate.perSecond(1, 20_060)).toBe(2);
  expect(rate.perSecond(1, 300)).toBe(2);
});

test(`it is never off by more than what the slot at the edge holds (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 200 }), fc.nat(1_000), (gaps, after) => {
      const rate = new Rate();
      const times: number[] = [];
      let now = 0;
      for (const gap of gaps) {
        now += gap;
        rate.count(now);
        times.push(now);
      }
      now += after;
      for (const seconds of [1, 5] as const) {
        const from = now - 1_000 * seconds;
        const edge = Math.floor(from / 100) * 100;
        const least = times.filter((time) => time >= edge + 100).length;
        const most = times.filter((time) => time >= edge).length;
        const events = rate.perSecond(seconds, now) * seconds;
        expect(events).toBeGreaterThanOrEqual(least - 1e-6);
        expect(events).toBeLessThanOrEqual(most + 1e-6);
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});
