import { ConfigError } from '../errors';
import { type JsonObject, isObject } from './json-object';

/** The largest delay that `setTimeout` takes; a longer one becomes 1 ms. */
export const MAX_DELAY_MS = 2 ** 31 - 1;

/** An object with no other keys than `known`: a misspelt option is an error. */
export function checkObject(path: string, value: unknown, known: readonly string[]): JsonObject {
  if (!isObject(value)) throw new ConfigError(path || 'options', 'must be an object', { value });
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw new ConfigError(join(path, key), `is not an option; known are ${known.join(', ')}`);
  }
  return value;
}

/** {@link checkObject} for optional options: `undefined` is `{}`. `null` is an error, as it may be meant as `false`. */
export function checkOptions(path: string, value: unknown, known: readonly string[]): JsonObject {
  return value === undefined ? {} : checkObject(path, value, known);
}

/** An integer from `min` to `max`; `undefined` becomes `fallback`. */
export function checkInteger(path: string, value: unknown, min: number, fallback: number, max = MAX_DELAY_MS): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min) {
    throw new ConfigError(path, `must be an integer of at least ${String(min)}`, { value });
  }
  if (value > max) throw new ConfigError(path, `must be at most ${String(max)}`, { value });
  return value;
}

/** `true` or `false`; `undefined` becomes `fallback`. */
export function checkBoolean(path: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw new ConfigError(path, 'must be true or false', { value });
  return value;
}

/** A non-empty string. The error does not show the value, which may be a secret. */
export function checkString(path: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new ConfigError(path, 'must be a non-empty string');
  return value;
}

/** An array of non-empty strings; `undefined` becomes `[]`. */
export function checkStrings(path: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new ConfigError(path, 'must be an array of strings');
  return value.map((item, index) => checkString(`${path}[${String(index)}]`, item));
}

/** An object whose values are strings; `undefined` becomes `{}`. */
export function checkStringRecord(path: string, value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isObject(value)) throw new ConfigError(path, 'must be an object of strings');
  for (const [key, item] of Object.entries(value)) {
    if (typeof item !== 'string') throw new ConfigError(join(path, key), 'must be a string');
  }
  return value as Record<string, string>;
}

/** A function, or `undefined`. */
export function checkFunction<T>(path: string, value: T): T {
  if (value !== undefined && typeof value !== 'function') throw new ConfigError(path, 'must be a function', { value });
  return value;
}

/** The path of an option. Keys that are not plain words are quoted: `servers["my server"].url`. */
export function join(path: string, key: string): string {
  const step = /^[\w-]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  return path === '' ? key : path + step;
}
