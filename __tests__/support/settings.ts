import type { McpoOptions } from '../../lib';
import { type Acceleration, accelerate } from '../../lib/calls/acceleration';
import { smartCacheConfig } from '../../lib/cache/options';
import { resolveConfig } from '../../lib/config/config';
import { ConfigError } from '../../lib/errors';
import { limiterConfig } from '../../lib/limit/options';
import { silent } from './loggers';

const made: Acceleration[] = [];
afterEach(async () => {
  for (const { cache } of made.splice(0)) await cache.close();
});

/** All that the options of acceleration come to, as complete values. */
export function settings(options: unknown = {}, env: NodeJS.ProcessEnv = {}): Record<string, unknown> {
  const server = { command: 'node' };
  const all = { servers: { a: server }, logger: silent, ...(options as Partial<McpoOptions>) };
  const config = resolveConfig(all, env);
  const acceleration = accelerate(config);
  made.push(acceleration);
  const [first] = config.servers;
  return {
    ...smartCacheConfig(config.cache.options, 'cache'),
    caches: Object.keys(acceleration.cache.stats),
    isCached: first?.cache.ttlMs !== 0,
    serverTtlMs: first?.cache.ttlMs,
    kinds: config.cache.policy.kinds,
    share: config.share,
    limit: limiterConfig(config.concurrency.global),
    serverLimit: first?.concurrency && limiterConfig(first.concurrency),
    toolLimits: config.concurrency.tools.map((rule) => limiterConfig(rule.options)),
    retry: first?.retry,
    breaker: config.breaker,
    access: config.access.map(({ access }) => access),
    trustAnnotations: first?.trustAnnotations,
  };
}

/** Expects a ConfigError with exactly this path and remedy. */
export function expectRefusal(act: () => unknown, path: string, remedy: string): void {
  let error: unknown;
  try {
    act();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toMatchObject({ code: 'MCPO_CONFIG', path, message: `${path} ${remedy}` });
}
