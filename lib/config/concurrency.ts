import { type LimiterOptions, type MaxConcurrent, limiterConfig } from '../limit/options';
import { checkObject, checkOptions } from '../util/checks';
import { environmentInteger } from './environment';
import { patternRules } from './tool-rules';

/** The concurrency limits of the router and of tools. */
export interface LimitConfig {
  readonly global: LimiterOptions;
  /** The first match wins. */
  readonly tools: readonly { readonly fits: (path: string) => boolean; readonly options: LimiterOptions }[];
}

export const LIMIT_OPTIONS = ['maxConcurrent', 'maxQueue', 'queueTimeoutMs'];

/** Validates the `concurrency` option and adds the environment's settings. */
export function concurrencyConfig(value: unknown, env: NodeJS.ProcessEnv): LimitConfig {
  const fromEnvironment = environmentInteger(env, 'MCPO_MAX_CONCURRENT', 1);
  const { tools, ...global } = checkOptions('concurrency', value, [...LIMIT_OPTIONS, 'tools']);
  return {
    global: limitOptions('concurrency', { ...global, maxConcurrent: global.maxConcurrent ?? fromEnvironment }),
    tools: patternRules('concurrency.tools', tools, (path, item) => ({
      options: limitOptions(path, typeof item === 'object' ? item : { maxConcurrent: item }),
    })),
  };
}

/** Validates limits at creation, not at the first call. */
export function limitOptions(path: string, value: unknown): LimiterOptions {
  const fields = checkObject(path, value, LIMIT_OPTIONS);
  const options: LimiterOptions = {
    maxConcurrent: fields.maxConcurrent as MaxConcurrent | undefined,
    maxQueue: fields.maxQueue as number | undefined,
    queueTimeoutMs: fields.queueTimeoutMs as number | undefined,
  };
  limiterConfig(options, path);
  return options;
}
