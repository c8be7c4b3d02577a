/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value is an object, not `null` and not an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether an object is an instance of a class. Plain objects of other realms, such as a vm context, are none. */
export function isClassInstance(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype !== null && Object.getPrototypeOf(prototype) !== null;
}

/** Whether a JSON value is nested in more than `maxDepth` levels, or consists of more than `maxSize` values. Iterative. */
export function exceeds(value: unknown, maxDepth: number, maxSize = Infinity): boolean {
  let level = [value];
  let size = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    size += level.length;
    if (depth > maxDepth || size > maxSize) return true;
    level = level.flatMap((each): unknown[] => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return false;
}

/** The same record with keys in lower case. */
export function lowerCaseKeys<T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key.toLowerCase(), value]));
}
