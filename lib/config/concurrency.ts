import { type LimiterOptions, type MaxConcurrent, limiterConfig } from '../limit/options';
import { checkObject, checkOptions } from '../util/checks';
import { environmentInteger } from './environment';
import { patternRules } from './patterns';

/** How many calls run at once: of all, of each server that has a limit, of each tool that fits a pattern. */
export interface LimitConfig {
  readonly global: LimiterOptions;
  /** The first that fits wins. */
  readonly tools: readonly { readonly fits: (path: string) => boolean; readonly options: LimiterOptions }[];
}

const LIMIT_OPTIONS = ['maxConcurrent', 'maxQueue', 'queueTimeoutMs'];

/** Checks the `concurrency` option and completes it from the environment. */
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

/** Checks limits at creation rather than when the first call comes. */
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
