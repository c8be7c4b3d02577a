import type { Alert } from '../../lib/monitor/alerts';
import type { MonitorOptions } from '../../lib/monitor/options';
import { PerformanceMonitor } from '../../lib/monitor/performance-monitor';

const WINDOW = 20;

let monitor: PerformanceMonitor;
let heard: Alert[];

/** With every kind of alert, but for those that a test switches off. */
function watch({ windowSize = WINDOW, alerts }: MonitorOptions = {}): void {
  const all = { slowSeconds: 1, coldPercent: 70, anomalyFactor: 3 };
  monitor = new PerformanceMonitor({ windowSize, alerts: alerts !== false && { ...all, ...alerts } });
  heard = [];
  monitor.on('alert', (alert) => heard.push(alert));
}

/** So many requests that all began at once, and time for a check. */
function requests(name: string, count: number, ms: number, ok = true): void {
  const running = Array.from({ length: count }, () => monitor.begin(name));
  jest.advanceTimersByTime(ms);
  for (const observation of running) observation.end(ok);
  jest.advanceTimersByTime(1_000);
}

function lookUps(name: string, hits: number, misses: number): void {
  for (let hit = 0; hit < hits; hit++) monitor.observeCache(name, true);
  for (let miss = 0; miss < misses; miss++) monitor.observeCache(name, false);
  jest.advanceTimersByTime(1_000);
}

/** What was heard since the last time, as `name kind state`. */
const news = (): string[] => heard.splice(0).map(({ name, kind, state }) => `${name} ${kind} ${state}`);

beforeEach(() => {
  jest.useFakeTimers();
  watch();
});

afterEach(() => {
  monitor.close();
  const timers = jest.getTimerCount();
  jest.restoreAllMocks();
  jest.useRealTimers();
  expect(timers).toBe(0);
});

test('a slow tool is told of once when it begins and once when it ends', () => {
  watch({ alerts: { anomalyFactor: false } });
  requests('lab/echo', WINDOW, 1_200);
  expect(news()).toEqual(['lab/echo slow firing', 'overall slow firing']);
  for (let round = 0; round < 5; round++) requests('lab/echo', WINDOW, 1_500);
  expect(news()).toEqual([]);
  expect(monitor.alerts).toMatchObject([
    { name: 'overall', kind: 'slow', state: 'firing' },
    { name: 'lab/echo', kind: 'slow', state: 'firing' },
  ]);
  for (let round = 0; round < 5; round++) requests('lab/echo', WINDOW, 100);
  expect(news()).toEqual(['lab/echo slow cleared', 'overall slow cleared']);
  expect(monitor.alerts).toEqual([]);
});

test('a failing tool is told of once when it begins and once when it ends', () => {
  requests('lab/echo', WINDOW - 2, 10);
  for (let failed = 0; failed < 5; failed++) requests('lab/echo', 1, 10, false);
  expect(news()).toEqual(['lab/echo failing firing', 'overall failing firing']);
  expect(monitor.alerts.map(({ level }) => level)).toEqual(['error', 'error']);
  for (let good = 0; good < 2 * WINDOW; good++) requests('lab/echo', 1, 10);
  expect(news()).toEqual(['lab/echo failing cleared', 'overall failing cleared']);
});

test('a cold cache is told of once when it begins and once when it ends', () => {
  lookUps('lab/echo', 13, 7);
  expect(news()).toEqual(['lab/echo cold firing', 'overall cold firing']);
  lookUps('lab/echo', 0, 5);
  expect(news()).toEqual([]);
  for (let round = 0; round < 3; round++) lookUps('lab/echo', WINDOW, 0);
  expect(news()).toEqual(['lab/echo cold cleared', 'overall cold cleared']);
});

test('a tool far slower than it was is told of once when it begins and once when it ends, in all it is not', () => {
  for (let round = 0; round < 10; round++) requests('lab/echo', WINDOW, 50);
  expect(news()).toEqual([]);
  for (let round = 0; round < 10; round++) requests('lab/echo', WINDOW, 200);
  expect(news()).toEqual(['lab/echo anomaly firing']);
  for (let round = 0; round < 10; round++) requests('lab/echo', WINDOW, 50);
  expect(news()).toEqual(['lab/echo anomaly cleared']);
});

test('a value that trembles around its threshold gives one alert', () => {
  watch({ alerts: { anomalyFactor: false } });
  for (let round = 0; round < 10; round++) requests('lab/echo', WINDOW, round % 2 === 0 ? 1_020 : 980);
  expect(news()).toEqual(['lab/echo slow firing', 'overall slow firing']);
});

test('a window that is not full gives no alert, of requests as of look-ups', () => {
  requests('lab/echo', WINDOW - 1, 5_000, false);
  lookUps('lab/echo', 0, WINDOW - 1);
  expect(news()).toEqual([]);
  requests('docs/search', 1, 5_000, false);
  expect(news()).toEqual(['overall slow firing', 'overall failing firing']);
  lookUps('docs/search', 0, 1);
  expect(news()).toEqual(['overall cold firing']);
});

test('one tool in trouble says nothing of another', () => {
  watch({ windowSize: 5, alerts: { failingPercent: 50 } });
  requests('lab/echo', 5, 10, false);
  requests('docs/search', 5, 10);
  expect(news()).toEqual(['lab/echo failing firing', 'overall failing firing', 'overall failing cleared']);
});

test('what happens within a second is checked once, at its end', () => {
  const echo = monitor.begin('lab/echo');
  jest.advanceTimersByTime(5_000);
  echo.end(false);
  jest.advanceTimersByTime(500);
  for (let call = 1; call < WINDOW; call++) monitor.begin('lab/echo').end(false);
  jest.advanceTimersByTime(499);
  expect(news()).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(news()).toEqual(['lab/echo failing firing', 'overall failing firing']);
});

test('a kind that is off is silent', () => {
  watch({ alerts: { slowSeconds: false, anomalyFactor: false, coldPercent: false } });
  requests('lab/echo', WINDOW, 5_000, false);
  lookUps('lab/echo', 0, WINDOW);
  expect(news()).toEqual(['lab/echo failing firing', 'overall failing firing']);
});

test('the alerts of a tool that is forgotten end, and its last requests begin none', () => {
  requests('lab/echo', WINDOW, 10, false);
  const running = Array.from({ length: WINDOW }, () => monitor.begin('lab/echo'));
  news();
  monitor.forget('lab/echo');
  expect(heard).toMatchObject([{ message: 'lab/echo has been removed' }]);
  expect(news()).toEqual(['lab/echo failing cleared']);
  for (const observation of running) observation.end(false);
  jest.advanceTimersByTime(1_000);
  expect(news()).toEqual([]);
  expect(monitor.alerts.map(({ name }) => name)).toEqual(['overall']);
});

test('active alerts are listed from the oldest on', () => {
  requests('lab/echo', WINDOW, 10, false);
  lookUps('docs/search', 0, WINDOW);
  const since = monitor.alerts.map((alert) => alert.since);
  expect(monitor.alerts).toHaveLength(4);
  expect(since).toEqual([...since].sort((a, b) => a - b));
  expect(monitor.alerts[0]?.kind).toBe('failing');
});

test('after close no alert begins', () => {
  for (let call = 0; call < WINDOW; call++) monitor.begin('lab/echo').end(false);
  monitor.close();
  requests('lab/echo', WINDOW, 10, false);
  expect(news()).toEqual([]);
});

test('a listener that throws becomes a warning, and later alerts are told', () => {
  const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const thrown: unknown[] = [new Error('one'), 'two'];
  monitor.on('alert', () => {
    if (thrown.length > 0) throw thrown.shift();
  });
  requests('lab/echo', WINDOW, 10, false);
  expect(warning.mock.calls).toEqual([[new Error('one')], ['two']]);
  requests('lab/echo', WINDOW, 10);
  expect(news()).toHaveLength(4);
  expect(warning).toHaveBeenCalledTimes(2);
});

test('a listener may use the monitor', () => {
  monitor.on('alert', ({ name, state }) => {
    if (state === 'cleared') return;
    monitor.begin(name === 'overall' ? 'lab/echo' : name).end(true);
    monitor.forget('docs/search');
  });
  for (let call = 0; call < WINDOW; call++) monitor.begin('lab/echo').end(false);
  requests('docs/search', WINDOW, 10, false);
  expect(news()).toEqual(['lab/echo failing firing', 'overall failing firing']);
  jest.advanceTimersByTime(1_000);
  expect(Object.keys(monitor.all())).toEqual(['overall', 'lab/echo']);
});
