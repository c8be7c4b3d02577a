import type { MonitorOptions } from '../../lib/monitor/options';
import { PerformanceMonitor } from '../../lib/monitor/performance-monitor';

const ZEROS = {
  total_requests: 0,
  avg_duration: 0,
  min_duration: 0,
  max_duration: 0,
  p50_duration: 0,
  p95_duration: 0,
  p99_duration: 0,
  success_rate: 0,
  current_concurrent: 0,
  peak_concurrent: 0,
  qps_1s: 0,
  qps_5s: 0,
};

let monitor: PerformanceMonitor;

function watch(options?: MonitorOptions): void {
  monitor.close();
  monitor = new PerformanceMonitor(options);
}

/** One request that takes so long. */
function request(name: string, ms: number, ok = true): number {
  const observation = monitor.begin(name);
  jest.advanceTimersByTime(ms);
  return observation.end(ok);
}

beforeEach(() => {
  jest.useFakeTimers();
  monitor = new PerformanceMonitor();
});

afterEach(() => {
  monitor.close();
  const timers = jest.getTimerCount();
  jest.useRealTimers();
  expect(timers).toBe(0);
});

test('everything is zero before the first request, of a tool and of all', () => {
  expect(monitor.stats('lab/echo')).toEqual(ZEROS);
  expect(monitor.stats('overall')).toEqual(ZEROS);
  expect(monitor.all()).toEqual({ overall: ZEROS });
});

test('to ask for a tool does not make it known', () => {
  monitor.stats('lab/echo');
  expect(Object.keys(monitor.all())).toEqual(['overall']);
});

test('each tool is counted by itself and in all', () => {
  for (const ms of [100, 200, 300]) request('lab/echo', ms);
  request('docs/search', 1_000, false);
  const echo = {
    ...ZEROS,
    total_requests: 3,
    avg_duration: expect.closeTo(0.2, 9),
    min_duration: expect.closeTo(0.1, 9),
    max_duration: expect.closeTo(0.3, 9),
    p50_duration: expect.closeTo(0.2, 9),
    p95_duration: expect.closeTo(0.3, 9),
    p99_duration: expect.closeTo(0.3, 9),
    success_rate: 100,
    peak_concurrent: 1,
    qps_5s: 3 / 5,
  };
  const overall = {
    total_requests: 4,
    avg_duration: expect.closeTo(0.4, 9),
    p50_duration: expect.closeTo(0.2, 9),
    p95_duration: expect.closeTo(1, 9),
    success_rate: 75,
    qps_5s: 4 / 5,
  };
  expect(monitor.all()).toEqual({
    overall: expect.objectContaining(overall),
    'lab/echo': { ...echo, qps_1s: expect.any(Number) },
    'docs/search': expect.objectContaining({ total_requests: 1, success_rate: 0, qps_1s: 1 }),
  });
  expect(monitor.stats('overall')).toEqual(monitor.all().overall);
});

test('the total counts from the start, durations and successes over the window', () => {
  watch({ windowSize: 3 });
  for (let failed = 0; failed < 5; failed++) request('lab/echo', 900, false);
  for (let good = 0; good < 3; good++) request('lab/echo', 100);
  expect(monitor.stats('lab/echo')).toMatchObject({
    total_requests: 8,
    max_duration: expect.closeTo(0.1, 9),
    avg_duration: expect.closeTo(0.1, 9),
    success_rate: 100,
  });
});

test('requests per second are those that ended, and fade with time', () => {
  for (let ended = 0; ended < 100; ended++) request('lab/echo', 10);
  expect(monitor.stats('lab/echo')).toMatchObject({ qps_1s: expect.closeTo(100, 6), qps_5s: expect.closeTo(20, 6) });
  const running = monitor.begin('lab/echo');
  jest.advanceTimersByTime(2_000);
  expect(monitor.stats('lab/echo')).toMatchObject({ qps_1s: 0, qps_5s: expect.closeTo(20, 6) });
  expect(monitor.stats('overall')).toMatchObject({ qps_1s: 0, qps_5s: expect.closeTo(20, 6) });
  jest.advanceTimersByTime(5_000);
  running.end(true);
  expect(monitor.stats('lab/echo')).toMatchObject({ qps_1s: 1, qps_5s: 0.2, total_requests: 101 });
});

test('requests at a time are counted now and at their most', () => {
  const [first, second] = [monitor.begin('lab/echo'), monitor.begin('lab/echo')];
  const other = monitor.begin('docs/search');
  expect(monitor.stats('lab/echo')).toMatchObject({ current_concurrent: 2, peak_concurrent: 2, total_requests: 0 });
  expect(monitor.stats('overall')).toMatchObject({ current_concurrent: 3, peak_concurrent: 3 });
  first.end(true);
  second.end(false);
  request('lab/echo', 1);
  expect(monitor.stats('lab/echo')).toMatchObject({ current_concurrent: 0, peak_concurrent: 2, total_requests: 3 });
  expect(monitor.stats('overall')).toMatchObject({ current_concurrent: 1, peak_concurrent: 3 });
  other.end(true);
});

test('a request that ends twice ended the first time', () => {
  const observation = monitor.begin('lab/echo');
  jest.advanceTimersByTime(250);
  expect(observation.end(true)).toBe(0.25);
  jest.advanceTimersByTime(250);
  expect(observation.end(false)).toBe(0.25);
  expect(monitor.stats('lab/echo')).toMatchObject({ total_requests: 1, success_rate: 100, current_concurrent: 0 });
});

test('a request may have begun earlier, and no duration is below zero', () => {
  const startedAt = performance.now();
  jest.advanceTimersByTime(400);
  const early = monitor.begin('lab/echo', startedAt);
  jest.advanceTimersByTime(100);
  expect(early.end(true)).toBe(0.5);
  expect(monitor.begin('lab/echo', performance.now() + 1_000).end(true)).toBe(0);
});

test('a tool that is forgotten starts anew; what still runs ends without bringing it back', () => {
  request('lab/echo', 10);
  const running = monitor.begin('lab/echo');
  monitor.forget('lab/echo');
  monitor.forget('lab/echo');
  running.end(true);
  expect(Object.keys(monitor.all())).toEqual(['overall']);
  expect(monitor.stats('overall')).toMatchObject({ total_requests: 2, current_concurrent: 0 });
  request('lab/echo', 10);
  expect(monitor.stats('lab/echo')).toMatchObject({ total_requests: 1, peak_concurrent: 1 });
});

test('names that every object has are names like any other', () => {
  const names = ['__proto__', 'constructor', 'toString'];
  for (const name of names) expect(monitor.stats(name)).toEqual(ZEROS);
  for (const name of names) request(name, 10);
  expect(Object.keys(monitor.all())).toEqual(['overall', ...names]);
  expect(Object.getOwnPropertyDescriptor(monitor.all(), '__proto__')?.value).toMatchObject({ total_requests: 1 });
});

test('after close it still counts, and starts no timer', () => {
  request('lab/echo', 10);
  monitor.close();
  monitor.close();
  expect(jest.getTimerCount()).toBe(0);
  request('lab/echo', 10);
  monitor.observeCache('lab/echo', true);
  expect(monitor.stats('lab/echo').total_requests).toBe(2);
});

test('there is a timer only while something is to be checked, and it does not keep the process alive', () => {
  const timers = jest.spyOn(globalThis, 'setTimeout');
  expect(jest.getTimerCount()).toBe(0);
  for (let calls = 0; calls < 100; calls++) request('lab/echo', 1);
  expect(timers.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false]);
  jest.advanceTimersByTime(1_000);
  expect(jest.getTimerCount()).toBe(0);
  timers.mockRestore();
});

test('without alerts there is no timer', () => {
  watch({ alerts: false });
  request('lab/echo', 10);
  monitor.observeCache('lab/echo', false);
  expect(jest.getTimerCount()).toBe(0);
});
