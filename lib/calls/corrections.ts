import type { TransportSpec } from '../mcp/transport-spec';
import { glob } from '../util/glob';

/** What is known of tools that their server does not say, or says wrongly. It only ever makes more careful. */
export interface Correction {
  /** Whether the tool counts as one that writes, although its server says that it reads. */
  readonly writes?: true;
  /** Whether calls of the tool that write must run one at a time. */
  readonly inTurn?: true;
}

interface KnownServer {
  /** The npm package, as it stands in `command` or `args`. */
  readonly package: string;
  /** The `serverInfo.name`, where it names this server alone. */
  readonly name?: string;
  /** Patterns of the names of its tools. */
  readonly tools: readonly string[];
  readonly correction: Correction;
}

/** All versions so far do so. The latest that has been measured stands beside each. */
const KNOWN: readonly KnownServer[] = [
  {
    // 2026.8.31: `readOnlyHint: true`, but each call adds to a history that the next one continues (README, "Tool").
    package: '@modelcontextprotocol/server-sequential-thinking',
    name: 'sequential-thinking-server',
    tools: ['sequentialthinking'],
    correction: { writes: true },
  },
  {
    // 0.0.83: `readOnlyHint: true`, but the call is made for the time that it takes.
    package: '@playwright/mcp',
    name: 'Playwright',
    tools: ['browser_wait_for'],
    correction: { writes: true },
  },
  {
    // 2026.8.31: reads the whole file, changes it, writes it back; 1 to 9 of 100 parallel writes were kept.
    package: '@modelcontextprotocol/server-memory',
    name: 'memory-server',
    tools: ['*'],
    correction: { inTurn: true },
  },
  {
    // A fork of server-memory with the same race.
    package: 'mcp-knowledge-graph',
    tools: ['*'],
    correction: { inTurn: true },
  },
  {
    // 1.0.7: another fork of server-memory; parallel writes leave a file that it cannot read any more.
    package: '@itseasy21/mcp-knowledge-graph',
    name: '@itseasy21/mcp-knowledge-graph',
    tools: ['*'],
    correction: { inTurn: true },
  },
  {
    // 2026.8.31: reads the file, applies the edit, writes it back; the last of several edits at the same time wins.
    package: '@modelcontextprotocol/server-filesystem',
    name: 'secure-filesystem-server',
    tools: ['edit_file'],
    correction: { inTurn: true },
  },
];

/** What a server is known by. */
export interface KnownBy {
  readonly transport: TransportSpec;
  /** Its `serverInfo.name`. */
  readonly serverName: string | undefined;
}

/** What is known of a tool of a server. */
export function correctionOf(tool: string, { transport, serverName }: KnownBy): Correction {
  const words = transport.kind === 'stdio' ? [transport.command, ...transport.args] : [];
  const known = KNOWN.filter((server) => {
    const isNamed = server.name !== undefined && server.name === serverName;
    return (isNamed || words.some((word) => isPackage(word, server.package))) && glob(server.tools)(tool);
  });
  return Object.assign({}, ...known.map(({ correction }) => correction)) as Correction;
}

/** `name`, `name@1.2.3`, or a path with the package in it. */
function isPackage(word: string, name: string): boolean {
  const path = word.replaceAll('\\', '/');
  return path === name || path.startsWith(`${name}@`) || `/${path}/`.includes(`/node_modules/${name}/`);
}
