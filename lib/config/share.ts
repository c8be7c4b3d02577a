import { ConfigError } from '../errors';
import type { FleetFlights } from '../share/fleet';
import { checkInteger, checkOptions } from '../util/checks';
import { environmentSeconds } from './environment';

/** Validated `share` options. */
export interface ShareConfig {
  readonly windowMs: number;
  /** `undefined`: calls are shared within this process only. */
  readonly fleet: FleetFlights | undefined;
}

/** Validates the `share` option and adds the environment's settings; `undefined`: no calls are shared. */
export function shareConfig(value: unknown, env: NodeJS.ProcessEnv): ShareConfig | undefined {
  const fromEnvironment = environmentSeconds(env, 'MCPO_REQUEST_DEDUP_TTL') ?? 1_000;
  if (value === false) return undefined;
  const { windowMs, fleet } = checkOptions('share', value, ['windowMs', 'fleet']);
  return { windowMs: checkInteger('share.windowMs', windowMs, 1, fromEnvironment), fleet: fleetOf(fleet) };
}

function fleetOf(value: unknown): FleetFlights | undefined {
  const methods = ['generation', 'dropGroup', 'execute'] as const;
  const given = value as Partial<FleetFlights> | null | undefined;
  if (given !== undefined && !methods.every((name) => typeof given?.[name] === 'function')) {
    throw new ConfigError('share.fleet', `must have the methods ${methods.join(', ')}`);
  }
  return given as FleetFlights | undefined;
}
