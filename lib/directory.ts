import type { ToolCall } from './call';
import { McpoError } from './errors';
import { McpServer } from './mcp/server';
import type { Tool } from './mcp/tool';
import type { Logger } from './options';
import type { ServerConfig } from './server-config';

/** A server with what the HTTP side needs to know of it. */
export interface DirectoryEntry {
  readonly server: McpServer;
  readonly config: ServerConfig;
}

/** All servers of a router, by name; knows which calls are running, so that closing can wait for them. */
export class Directory {
  readonly #entries: ReadonlyMap<string, DirectoryEntry>;
  #running = 0;
  #drained: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(servers: readonly ServerConfig[], logger: Logger) {
    this.#entries = new Map(servers.map((config) => [config.name, { config, server: new McpServer(config, logger) }]));
  }

  get servers(): readonly McpServer[] {
    return [...this.#entries.values()].map((entry) => entry.server);
  }

  /** How many calls are running. */
  get running(): number {
    return this.#running;
  }

  get closing(): boolean {
    return this.#closing !== undefined;
  }

  /** The entry of a server's name, or of its percent-encoded form. */
  entry(name: string): DirectoryEntry | undefined {
    const entry = this.#entries.get(name);
    if (entry || !name.includes('%')) return entry;
    try {
      return this.#entries.get(decodeURIComponent(name));
    } catch {
      return undefined; // malformed percent-encoding names nothing
    }
  }

  /**
   * The tool of a path `/server/tool`.
   *
   * @throws McpoError MCPO_UNKNOWN_SERVER, MCPO_UNKNOWN_TOOL, or MCPO_SERVER_DOWN while the server's tools are not known
   */
  find(path: string): Tool {
    const end = path.indexOf('/', 1);
    const entry = this.entry(end === -1 ? path.slice(1) : path.slice(1, end));
    if (!entry) throw new McpoError('MCPO_UNKNOWN_SERVER', 'no server of this name is mounted here');
    const { server } = entry;
    const tool = end === -1 ? undefined : server.catalogue.find(path.slice(end + 1));
    if (tool) return tool;
    if (end !== -1 && server.info === undefined) throw server.unreachable();
    throw new McpoError('MCPO_UNKNOWN_TOOL', `server ${server.name} has no tool of this name`);
  }

  /** Counts a call until it is settled. */
  track(call: ToolCall): void {
    this.#running += 1;
    call.onSettled(() => {
      this.#running -= 1;
      if (this.#running === 0) this.#drained?.();
    });
  }

  /** Refuses new calls, lets running ones end for `drainMs`, then closes every server. Idempotent. */
  close(drainMs: number): Promise<void> {
    this.#closing ??= this.#close(drainMs);
    return this.#closing;
  }

  async #close(drainMs: number): Promise<void> {
    if (this.#running > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, drainMs).unref();
        this.#drained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    await Promise.all(this.servers.map((server) => server.close()));
  }
}
