import { McpoError } from '../errors';
import type { Connection } from './connection';

/** Whose headers a call carries to the server. */
export interface CallerHeaders {
  /** Equal exactly when the headers are. */
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
}

const MAX_CALLERS = 100;
const MAX_IDLE_MS = 300_000;

interface Entry {
  readonly connection: Promise<Connection>;
  opened?: Connection;
  idleTimer?: NodeJS.Timeout;
}

/**
 * The connections of callers whose own headers go on to the server: one for each different set of headers, never
 * shared between two, bounded in number and closed when idle.
 */
export class Callers {
  readonly #open: (caller: CallerHeaders, signal: AbortSignal) => Promise<Connection>;
  readonly #abort = new AbortController();
  readonly #entries = new Map<string, Entry>();

  constructor(open: (caller: CallerHeaders, signal: AbortSignal) => Promise<Connection>) {
    this.#open = open;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * The connection of a caller, made at the first call.
   *
   * @throws McpoError MCPO_SERVER_DOWN when it cannot be made, or too many callers are connected and none is idle
   */
  async get(caller: CallerHeaders): Promise<Connection> {
    if (this.#abort.signal.aborted) throw new McpoError('MCPO_CLOSING', 'the router is shutting down');
    const entry = this.#entries.get(caller.id) ?? this.#add(caller);
    // Most recently used last.
    this.#entries.delete(caller.id);
    this.#entries.set(caller.id, entry);
    clearTimeout(entry.idleTimer);
    entry.idleTimer = setTimeout(() => {
      this.#closeWhenIdle(caller.id, entry);
    }, MAX_IDLE_MS).unref();
    return entry.connection;
  }

  /** Closes all. */
  async close(): Promise<void> {
    this.#abort.abort();
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(
      entries.map(async (entry) => {
        clearTimeout(entry.idleTimer);
        const connection = await entry.connection.catch(() => undefined);
        await connection?.close();
      }),
    );
  }

  #add(caller: CallerHeaders): Entry {
    if (this.#entries.size >= MAX_CALLERS) this.#evict();
    const entry: Entry = {
      connection: this.#open(caller, this.#abort.signal).then(
        (connection) => {
          entry.opened = connection;
          connection.onClose(() => {
            this.#remove(caller.id, entry);
          });
          return connection;
        },
        (error: unknown) => {
          this.#remove(caller.id, entry);
          throw new McpoError(
            'MCPO_SERVER_DOWN',
            'the MCP server cannot be reached with the credentials of this request',
            {
              retryAfterMs: 1_000,
              cause: error,
            },
          );
        },
      ),
    };
    entry.connection.catch(() => undefined);
    return entry;
  }

  /** Makes room by closing the least recently used connection that has nothing in flight. */
  #evict(): void {
    for (const [id, entry] of this.#entries) {
      if (entry.opened?.inFlight === 0) {
        this.#closeWhenIdle(id, entry);
        return;
      }
    }
    throw new McpoError('MCPO_SERVER_DOWN', 'too many callers are connected to the MCP server', {
      retryAfterMs: 1_000,
    });
  }

  #closeWhenIdle(id: string, entry: Entry): void {
    if (entry.opened?.inFlight !== 0) {
      entry.idleTimer?.refresh();
      return;
    }
    this.#remove(id, entry);
    void entry.opened.close();
  }

  #remove(id: string, entry: Entry): void {
    clearTimeout(entry.idleTimer);
    if (this.#entries.get(id) === entry) this.#entries.delete(id);
  }
}
