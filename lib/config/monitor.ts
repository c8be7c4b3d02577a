import { MAX_WINDOW_SIZE, type MonitorOptions, monitorConfig } from '../monitor/options';
import { checkOptions } from '../util/checks';
import { environmentInteger } from './environment';

const ALERTS = ['slowSeconds', 'failingPercent', 'coldPercent', 'anomalyFactor'];

/** Validates the `monitor` option and adds the environment's settings. */
export function monitorOptions(value: unknown, env: NodeJS.ProcessEnv): MonitorOptions {
  const fromEnvironment = environmentInteger(env, 'MCPO_MONITOR_WINDOW_SIZE', 1, MAX_WINDOW_SIZE);
  const { windowSize, alerts } = checkOptions('monitor', value, ['windowSize', 'alerts']);
  const options = { windowSize: windowSize ?? fromEnvironment, alerts } as MonitorOptions;
  monitorConfig(options);
  if (alerts !== false) checkOptions('monitor.alerts', alerts, ALERTS);
  return options;
}
