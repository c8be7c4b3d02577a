import type { PoolEvent, PoolStats } from '../pool/events';

/** `up` when calls can be made; `down` is waiting for the next try. */
export type ServerState = 'connecting' | 'up' | 'down' | 'closed';

/** The state of a server as `/health` and `stats` show it. */
export interface ServerStatus {
  /** `up` when calls can be made. */
  readonly state: ServerState;
  /** Since when it has been up, or not, in ISO 8601. */
  readonly since: string;
  /** When its connections were last pinged, in ISO 8601. */
  readonly lastCheck?: string;
  /** How many tools are served. */
  readonly tools: number;
  /** How many connections are open, those of callers with credentials or sessions of their own included. */
  readonly connections: number;
  /** How many connections could not be made or were lost so far. */
  readonly errors: number;
  /** How many calls so far had arguments that could not be checked, or not in full: the log says why. */
  readonly uncheckedCalls: number;
  /** Why it is, or was last, down. Pages that need no credentials say only where to look. */
  readonly lastError?: string;
}

/** Tells from the events of a server's own pool whether it can be called, and since when. */
export class Uptime {
  #worked = false;
  #closed = false;
  #isUp = false;
  #since = new Date();

  get since(): Date {
    return this.#since;
  }

  note(event: PoolEvent, stats: PoolStats): void {
    if (event.type === 'open') this.#worked = true;
    // A connection that is closed because it was idle says nothing of the server.
    if (event.type === 'error' && stats.connections === 0) this.#worked = false;
    this.#look(stats);
  }

  /** No calls are made any more. */
  close(stats: PoolStats): void {
    this.#closed = true;
    this.#look(stats);
  }

  state({ connections, opening }: PoolStats): ServerState {
    if (this.#closed) return 'closed';
    if (connections > 0) return 'up';
    if (opening > 0) return 'connecting';
    return this.#worked ? 'up' : 'down';
  }

  #look(stats: PoolStats): void {
    const isUp = this.state(stats) === 'up';
    if (isUp !== this.#isUp) this.#since = new Date();
    this.#isUp = isUp;
  }
}
