import { ConfigError } from '../errors';

/** An integer from an environment variable; `undefined` if it is not set or empty. */
export function environmentInteger(
  env: NodeJS.ProcessEnv,
  name: string,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const text = env[name]?.trim();
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min) {
    throw new ConfigError(name, `must be an integer of at least ${min}`, { value: text });
  }
  if (value > max) throw new ConfigError(name, `must be at most ${max}`, { value });
  return value;
}

/** A number of seconds from an environment variable, in milliseconds. */
export function environmentSeconds(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const seconds = environmentInteger(env, name, 1);
  return seconds === undefined ? undefined : seconds * 1_000;
}
