import { ConfigError } from '../errors';

type Fields = Readonly<Record<string, unknown>>;

/** An object at `path` with no key but `known`; a misspelt option must not be ignored in silence. */
export function checkObject(path: string, value: unknown, known: readonly string[]): Fields {
  if (!isPlainObject(value)) throw new ConfigError(path || 'options', 'must be an object', { value });
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw new ConfigError(join(path, key), `is not an option; known are ${known.join(', ')}`);
  }
  return value;
}

/** The same for options that may be left out, all of them. `null` is no way to leave them out: it may be meant as `false`. */
export function checkOptions(path: string, value: unknown, known: readonly string[]): Fields {
  return value === undefined ? {} : checkObject(path, value, known);
}

/** A whole number from `min` to `max`; `undefined` becomes `fallback`. */
export function checkInteger(path: string, value: unknown, min: number, fallback: number, max = 2 ** 31 - 1): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min) {
    throw new ConfigError(path, `must be an integer of at least ${String(min)}`, { value });
  }
  // setTimeout takes at most 2^31 - 1 ms and turns anything longer into 1 ms.
  if (value > max) throw new ConfigError(path, `must be at most ${String(max)}`, { value });
  return value;
}

/** `true` or `false`; `undefined` becomes `fallback`. */
export function checkBoolean(path: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw new ConfigError(path, 'must be true or false', { value });
  return value;
}

/** A string that is not empty. The value may be a secret, so that the error does not show it. */
export function checkString(path: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new ConfigError(path, 'must be a string that is not empty');
  return value;
}

/** A list of strings that are not empty; `undefined` becomes an empty list. */
export function checkStrings(path: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new ConfigError(path, 'must be an array of strings');
  return value.map((item, index) => checkString(`${path}[${String(index)}]`, item));
}

/** An object whose values are strings; `undefined` becomes an empty object. */
export function checkStringRecord(path: string, value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isPlainObject(value)) throw new ConfigError(path, 'must be an object of strings');
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

/** The option's full path: keys that are not plain words are quoted, as in `servers["my server"].url`. */
export function join(path: string, key: string): string {
  const step = /^[\w-]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  return path === '' ? key : path + step;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
