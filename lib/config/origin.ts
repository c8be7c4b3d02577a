import { createHash } from 'node:crypto';
import path from 'node:path';
import type { TransportSpec } from '../mcp/transport-spec';

/**
 * Tells servers of the same name in different instances apart: a SHA-256 digest of all that says what is reached, and with
 * whose rights. `undefined` where only the app's own `connect` knows.
 */
export function originOf(transport: TransportSpec): string | undefined {
  if (transport.kind === 'custom') return undefined;
  const what =
    transport.kind === 'http'
      ? [transport.url.href, sorted(transport.headers)]
      : [transport.command, transport.args, sorted(transport.env), path.resolve(transport.cwd ?? '')];
  return createHash('sha256').update(JSON.stringify(what)).digest('base64url');
}

function sorted(record: Readonly<Record<string, string>>): readonly unknown[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
