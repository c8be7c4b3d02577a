import { checkInteger, checkOptions } from './checks';
import { environmentSeconds } from './environment';

/** How equal calls in flight are run as one. */
export interface ShareConfig {
  readonly windowMs: number;
}

/** Checks the `share` option and completes it from the environment; `undefined`: every call runs by itself. */
export function shareConfig(value: unknown, env: NodeJS.ProcessEnv): ShareConfig | undefined {
  const fromEnvironment = environmentSeconds(env, 'MCPO_REQUEST_DEDUP_TTL') ?? 60_000;
  if (value === false) return undefined;
  const { windowMs } = checkOptions('share', value, ['windowMs']);
  return { windowMs: checkInteger('share.windowMs', windowMs, 1, fromEnvironment) };
}
