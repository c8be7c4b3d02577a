import type { Access, AccessRule } from '../calls/policy';
import { ConfigError } from '../errors';
import { checkObject, join } from '../util/checks';
import { glob } from '../util/glob';

const ACCESS: readonly unknown[] = ['read', 'idempotent', 'write'] satisfies Access[];

/** Reads an object whose keys are patterns over `server/tool`, in its order. */
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

/** Validates the `access` option. */
export function accessRules(value: unknown): readonly AccessRule[] {
  return patternRules('access', value, (path, access) => {
    if (!ACCESS.includes(access))
      throw new ConfigError(path, "must be 'read', 'idempotent' or 'write'", { value: access });
    return { access: access as Access };
  });
}
