import path from 'node:path';
import type { TransportSpec } from '../mcp/transport-spec';
import { sha256 } from '../util/sha256';

/**
 * The SHA-256 of everything that identifies a server and the rights it is used with: instances whose servers have equal names
 * but different origins share nothing. `undefined` for a server with `connect`.
 */
export function originOf(transport: TransportSpec): string | undefined {
  if (transport.kind === 'custom') return undefined;
  const what =
    transport.kind === 'http'
      ? [transport.url.href, sorted(transport.headers)]
      : [transport.command, transport.args, sorted(transport.env), path.resolve(transport.cwd ?? '')];
  return sha256(JSON.stringify(what));
}

function sorted(record: Readonly<Record<string, string>>): readonly unknown[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
