import { poolConfig } from '../pool/options';
import type { ServerPoolOptions } from '../pool/server-pools';
import { checkInteger, checkOptions } from '../util/checks';
import { environmentInteger, environmentSeconds } from './environment';

const CONNECTIONS = [
  'minConnections',
  'maxConnections',
  'maxIdleMs',
  'maxInFlightPerConnection',
  'growAfterMs',
  'connectTimeoutMs',
  'acquireTimeoutMs',
  'maxWaiting',
  'healthCheckIntervalMs',
  'pingTimeoutMs',
];
const MAX_CALLERS = 100;
const MAX_SESSIONS = 10;

/** What the environment says of pools. */
export function environmentPool(env: NodeJS.ProcessEnv): ServerPoolOptions {
  return defined({
    minConnections: environmentInteger(env, 'MCPO_POOL_MIN_CONNECTIONS', 0),
    maxConnections: environmentInteger(env, 'MCPO_POOL_MAX_CONNECTIONS', 1),
    maxIdleMs: environmentSeconds(env, 'MCPO_POOL_MAX_IDLE_TIME'),
  });
}

/** Checks a `pool` option and completes it from what holds for it otherwise. */
export function poolOptions(path: string, value: unknown, otherwise: ServerPoolOptions): ServerPoolOptions {
  const { maxCallers, maxSessionsPerCaller, ...fields } = checkOptions(path, value, [
    ...CONNECTIONS,
    'maxCallers',
    'maxSessionsPerCaller',
  ]);
  const given: ServerPoolOptions = defined(fields);
  const options = {
    ...otherwise,
    ...given,
    maxPools: checkInteger(`${path}.maxCallers`, maxCallers, 1, otherwise.maxPools ?? MAX_CALLERS),
    maxPoolsPerOwner: checkInteger(
      `${path}.maxSessionsPerCaller`,
      maxSessionsPerCaller,
      1,
      otherwise.maxPoolsPerOwner ?? MAX_SESSIONS,
    ),
  };
  // A smaller maximum alone also lowers the minimum that nobody has asked for here.
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
