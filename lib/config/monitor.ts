import { type MonitorOptions, monitorConfig } from '../monitor/options';
import { checkOptions } from './checks';
import { environmentInteger } from './environment';

const ALERTS = ['slowSeconds', 'failingPercent', 'coldPercent', 'anomalyFactor'];

/** Checks the `monitor` option and completes it from the environment. */
export function monitorOptions(value: unknown, env: NodeJS.ProcessEnv): MonitorOptions {
  const fromEnvironment = environmentInteger(env, 'MCPO_MONITOR_WINDOW_SIZE', 1);
  const { windowSize, alerts } = checkOptions('monitor', value, ['windowSize', 'alerts']);
  const options = {
    windowSize: windowSize ?? fromEnvironment,
    alerts: alerts === false ? false : checkOptions('monitor.alerts', alerts, ALERTS),
  } as MonitorOptions;
  monitorConfig(options);
  return options;
}
