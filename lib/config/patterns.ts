import { glob } from '../util/glob';
import { checkObject, join } from '../util/checks';

/** What an object says by patterns over `server/tool`, in its order. */
export function patternRules<T>(
  path: string,
  value: unknown,
  read: (path: string, value: unknown) => T,
): readonly ({ readonly fits: (name: string) => boolean } & T)[] {
  if (value === undefined) return [];
  const entries = checkObject(path, value, Object.keys(value ?? {}));
  return Object.entries(entries).map(([pattern, item]) => ({
    fits: glob([pattern]),
    ...read(join(path, pattern), item),
  }));
}
