import { poolConfig } from '../pool/options';
import type { ServerPoolOptions } from '../pool/server-pools';
import { checkInteger, checkOptions } from '../util/checks';
import { environmentInteger, environmentSeconds } from './environment';

const OPTIONS = [
  ...'minConnections maxConnections maxIdleMs maxInFlightPerConnection growAfterMs connectTimeoutMs'.split(' '),
  ...'acquireTimeoutMs maxWaiting healthCheckIntervalMs pingTimeoutMs maxCallers maxSessionsPerCaller'.split(' '),
];
const MAX_CALLERS = 100;
const MAX_SESSIONS = 10;

/** The pool settings of the environment. */
export function environmentPool(env: NodeJS.ProcessEnv): ServerPoolOptions {
  return defined({
    minConnections: environmentInteger(env, 'MCPO_POOL_MIN_CONNECTIONS', 0),
    maxConnections: environmentInteger(env, 'MCPO_POOL_MAX_CONNECTIONS', 1),
    maxIdleMs: environmentSeconds(env, 'MCPO_POOL_MAX_IDLE_TIME'),
  });
}

/** Validates a `pool` option and adds the defaults. */
export function poolOptions(path: string, value: unknown, defaults: ServerPoolOptions): ServerPoolOptions {
  const { maxCallers, maxSessionsPerCaller, ...fields } = checkOptions(path, value, OPTIONS);
  const given: ServerPoolOptions = defined(fields);
  const { maxPools: callers = MAX_CALLERS, maxPoolsPerOwner: sessions = MAX_SESSIONS } = defaults;
  const maxPools = checkInteger(`${path}.maxCallers`, maxCallers, 1, callers);
  const maxPoolsPerOwner = checkInteger(`${path}.maxSessionsPerCaller`, maxSessionsPerCaller, 1, sessions);
  const options = { ...defaults, ...given, maxPools, maxPoolsPerOwner };
  // A smaller maximum also lowers an inherited minimum.
  const { maxConnections } = options;
  if (given.minConnections === undefined && maxConnections !== undefined && options.minConnections !== undefined) {
    options.minConnections = Math.min(options.minConnections, maxConnections);
  }
  poolConfig(options, path);
  return options;
}

function defined(fields: Readonly<Record<string, unknown>>): ServerPoolOptions {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
