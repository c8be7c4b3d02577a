import { ConfigError } from '../errors';
import { MAX_WINDOW_SIZE, type MonitorOptions, monitorConfig } from '../monitor/options';
import { checkOptions } from '../util/checks';
import { environmentInteger } from './environment';

const VARIABLE = 'MCPO_MONITOR_WINDOW_SIZE';
const ALERTS = ['slowSeconds', 'failingPercent', 'coldPercent', 'anomalyFactor'];

/** Checks the `monitor` option and completes it from the environment. */
export function monitorOptions(value: unknown, env: NodeJS.ProcessEnv): MonitorOptions {
  const fromEnvironment = environmentInteger(env, VARIABLE, 1);
  if (fromEnvironment !== undefined && fromEnvironment > MAX_WINDOW_SIZE) {
    throw new ConfigError(VARIABLE, `must be at most ${MAX_WINDOW_SIZE}`, { value: fromEnvironment });
  }
  const { windowSize, alerts } = checkOptions('monitor', value, ['windowSize', 'alerts']);
  const options = {
    windowSize: windowSize ?? fromEnvironment,
    alerts,
  } as MonitorOptions;
  monitorConfig(options);
  if (alerts !== false) checkOptions('monitor.alerts', alerts, ALERTS);
  return options;
}
