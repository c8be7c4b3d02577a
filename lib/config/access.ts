import { ConfigError } from '../errors';
import type { Access, AccessRule } from '../calls/policy';
import { patternRules } from './patterns';

const ACCESS: readonly unknown[] = ['read', 'idempotent', 'write'] satisfies Access[];

/** Checks the `access` option: what the operator knows of tools. */
export function accessRules(value: unknown): readonly AccessRule[] {
  return patternRules('access', value, (path, access) => {
    if (!ACCESS.includes(access))
      throw new ConfigError(path, "must be 'read', 'idempotent' or 'write'", { value: access });
    return { access: access as Access };
  });
}
