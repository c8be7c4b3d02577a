import type { Caller } from '../calls/caller';
import type { ServerConfig } from '../config/server';
import { McpoError } from '../errors';
import type { Connection } from '../mcp/session/connection';
import type { ErrorReason } from '../pool/events';
import { PoolManager } from '../pool/pool-manager';
import { Turns } from '../pool/turns';
import type { BufferedBytes } from '../util/buffered-bytes';
import type { Cancellation } from '../util/cancellation';
import { Drain } from '../util/drain';
import { McpServer, type ServerParts } from './server';
import type { ToolEntry } from './tool-entry';

/** Child processes that start side by side: many at once would be slow to start, and late. */
const STARTS_AT_A_TIME = 4;

/** All servers of a router, by name; knows which calls are running, so that closing can wait for them. */
export class ServerRegistry {
  readonly #byName: ReadonlyMap<string, McpServer>;
  readonly #pools = new PoolManager<Connection, Caller>();
  readonly #drain = new Drain(() => this.#running === 0);
  readonly #buffers: BufferedBytes;
  #running = 0;
  #closing = false;

  constructor(configs: readonly ServerConfig[], parts: Omit<ServerParts, 'pools' | 'starts'>) {
    this.#buffers = parts.buffers;
    const all = { ...parts, pools: this.#pools, starts: new Turns(STARTS_AT_A_TIME) };
    this.#byName = new Map(configs.map((config) => [config.name, new McpServer(config, all)]));
  }

  /** All servers, in the order of the options. */
  get all(): readonly McpServer[] {
    return [...this.#byName.values()];
  }

  /** Tells of each connection that could not be made or was lost. */
  onConnectionFailed(listener: (server: string, reason: ErrorReason) => void): void {
    for (const server of this.all) {
      server.onConnectionFailed((reason) => listener(server.name, reason));
    }
  }

  get running(): number {
    return this.#running;
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** @throws McpoError MCPO_CLOSING or MCPO_OVERLOADED if no new call may begin */
  requireOpen(): void {
    if (this.#closing) throw closing();
    if (this.#buffers.full) throw overloaded(this.#buffers.max);
  }

  /** The server of a name, or of its percent-encoded form. */
  get(name: string): McpServer | undefined {
    const server = this.#byName.get(name);
    if (server || !name.includes('%')) return server;
    try {
      return this.#byName.get(decodeURIComponent(name));
    } catch {
      return undefined; // malformed percent-encoding names nothing
    }
  }

  /**
   * The tool of a path `/server/tool`.
   *
   * @param signal - ends the wait for a server that is being reached for the first time
   * @returns a promise only for such a server, and for a tool that is not known
   * @throws McpoError MCPO_UNKNOWN_SERVER, MCPO_UNKNOWN_TOOL, or MCPO_SERVER_DOWN while the server's tools are not known
   */
  find(path: string, signal: () => Cancellation): ToolEntry | Promise<ToolEntry> {
    const end = path.indexOf('/', 1);
    const server = this.get(end === -1 ? path.slice(1) : path.slice(1, end));
    const name = end === -1 ? undefined : path.slice(end + 1);
    return entryOf(server, name !== undefined && ((catalogue) => catalogue.find(name)), signal);
  }

  /** A tool by its server's name and its own. Throws as {@link find}. */
  named(server: string, tool: string, signal: Cancellation): ToolEntry | Promise<ToolEntry> {
    return entryOf(
      this.#byName.get(server),
      (catalogue) => catalogue.named(tool),
      () => signal,
    );
  }

  /** Counts a call until what is returned is called. */
  begin(): () => void {
    this.#running += 1;
    return () => {
      this.#running -= 1;
      this.#drain.check();
    };
  }

  /** Refuses new calls and lets running ones end, for `ms` at most. */
  drain(ms: number): Promise<void> {
    this.#closing = true;
    return this.#drain.wait(ms);
  }

  async close(): Promise<void> {
    for (const server of this.all) server.close();
    await this.#pools.close(0);
  }
}

function closing(): McpoError {
  return new McpoError('MCPO_CLOSING', 'the router is shutting down', { retryAfterMs: 1_000 });
}

function overloaded(max: number): McpoError {
  const detail = `the router holds ${max} bytes of answers not yet read, messages and calls (maxBufferedBytes)`;
  return new McpoError('MCPO_OVERLOADED', detail, { retryAfterMs: 1_000 });
}

type Find = (catalogue: McpServer['catalogue']) => ToolEntry | undefined;

function entryOf(
  server: McpServer | undefined,
  find: Find | false,
  signal: () => Cancellation,
): ToolEntry | Promise<ToolEntry> {
  if (!server) throw new McpoError('MCPO_UNKNOWN_SERVER', 'no server of this name is mounted here');
  if (!find) throw unknownTool(server);
  const entry = find(server.catalogue);
  if (entry) return entry;
  if (server.isStarting) return onceStarted(server, find, signal());
  return server.info === undefined ? notFound(server) : onceRenewed(server, find);
}

/** The server may have got the tool since its list was read. */
async function onceRenewed(server: McpServer, find: Find): Promise<ToolEntry> {
  await server.renew();
  return find(server.catalogue) ?? notFound(server);
}

async function onceStarted(server: McpServer, find: Find, signal: Cancellation): Promise<ToolEntry> {
  await server.started(signal);
  return find(server.catalogue) ?? notFound(server);
}

function notFound(server: McpServer): never {
  throw server.info === undefined ? server.unreachable() : unknownTool(server);
}

function unknownTool({ name }: McpServer): McpoError {
  return new McpoError('MCPO_UNKNOWN_TOOL', `server ${name} has no tool of this name`);
}
