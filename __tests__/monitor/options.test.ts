import { ConfigError } from '../../lib/errors';
import { monitorConfig, type MonitorOptions } from '../../lib/monitor/options';
import { PerformanceMonitor } from '../../lib/monitor/performance-monitor';

const DEFAULTS = { windowSize: 1_000, thresholds: { slow: false, failing: 95, cold: false, anomaly: false } };

test.each([
  undefined,
  {},
  Object.create(null) as MonitorOptions,
  { windowSize: undefined, alerts: undefined },
  { alerts: { slowSeconds: undefined, failingPercent: undefined, coldPercent: undefined, anomalyFactor: undefined } },
])('without options there are defaults', (options) => {
  expect(monitorConfig(options)).toEqual(DEFAULTS);
});

test('what is given is taken', () => {
  const alerts = { slowSeconds: 0.2, failingPercent: 100, coldPercent: false, anomalyFactor: 1.5 } as const;
  expect(monitorConfig({ windowSize: 1, alerts })).toEqual({
    windowSize: 1,
    thresholds: { slow: 0.2, failing: 100, cold: false, anomaly: 1.5 },
  });
});

test('alerts can be switched off one by one or all at once', () => {
  const off = { slow: false, failing: false, cold: false, anomaly: false };
  const alerts = { slowSeconds: false, failingPercent: false, coldPercent: false, anomalyFactor: false } as const;
  expect(monitorConfig({ alerts }).thresholds).toEqual(off);
  expect(monitorConfig({ alerts: false }).thresholds).toEqual(off);
});

test.each<[unknown, string]>([
  [{ windowSize: 0 }, 'monitor.windowSize must be an integer of at least 1, got 0'],
  [{ windowSize: 2.5 }, 'monitor.windowSize must be an integer of at least 1, got 2.5'],
  [{ windowSize: 1_000_001 }, 'monitor.windowSize must be'],
  [{ windowSize: '10' }, 'monitor.windowSize must be an integer of at least 1, got "10"'],
  [{ windowSize: null }, 'monitor.windowSize must be'],
  [{ alerts: null }, 'monitor.alerts must be an object or false, got null'],
  [{ alerts: true }, 'monitor.alerts must be an object or false, got true'],
  [{ alerts: [] }, 'monitor.alerts must be an object or false, got []'],
  [{ alerts: { slowSeconds: 0 } }, 'monitor.alerts.slowSeconds must be a number above 0, or false, got 0'],
  [{ alerts: { slowSeconds: NaN } }, 'monitor.alerts.slowSeconds must be'],
  [{ alerts: { slowSeconds: Infinity } }, 'monitor.alerts.slowSeconds must be'],
  [{ alerts: { slowSeconds: true } }, 'monitor.alerts.slowSeconds must be'],
  [
    { alerts: { failingPercent: 101 } },
    'monitor.alerts.failingPercent must be a number above 0 and at most 100, or false, got 101',
  ],
  [{ alerts: { failingPercent: '95' } }, 'monitor.alerts.failingPercent must be'],
  [{ alerts: { coldPercent: -1 } }, 'monitor.alerts.coldPercent must be a number above 0 and at most 100, or false'],
  [{ alerts: { anomalyFactor: 1 } }, 'monitor.alerts.anomalyFactor must be a number above 1, or false, got 1'],
])('%j is refused', (options, message) => {
  const create = (): unknown => new PerformanceMonitor(options as MonitorOptions);
  expect(create).toThrow(ConfigError);
  expect(create).toThrow(message);
});

test('the error carries the path of the option, as the caller names it', () => {
  const check = (): unknown => monitorConfig({ alerts: { slowSeconds: -1 } }, 'watch');
  expect(check).toThrow(expect.objectContaining({ path: 'watch.alerts.slowSeconds', code: 'MCPO_CONFIG' }));
});
