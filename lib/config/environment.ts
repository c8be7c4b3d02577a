import { ConfigError } from '../errors';

/** A whole number in an environment variable; one that is empty counts as not set. */
export function environmentInteger(env: NodeJS.ProcessEnv, name: string, min: number): number | undefined {
  const text = env[name]?.trim();
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min) {
    throw new ConfigError(name, `must be an integer of at least ${min}`, { value: text });
  }
  return value;
}

/** The same for seconds, in milliseconds. */
export function environmentSeconds(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const seconds = environmentInteger(env, name, 1);
  return seconds === undefined ? undefined : seconds * 1_000;
}
