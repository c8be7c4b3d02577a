/** One call that instances can share. */
export interface FleetFlight {
  /** The unit of invalidation: the name of the MCP server, or of its `cache.group`. */
  readonly group: string;
  /** The key of the call, including the {@link FleetFlights.generation} at its beginning. */
  readonly key: string;
  /** The maximum age of work that can be joined, in milliseconds. */
  readonly windowMs: number;
  /** For how long to wait for the process that runs it, in milliseconds. */
  readonly maxWaitMs: number;
  /** Aborted when no caller of this process waits any more. */
  readonly signal: AbortSignal;
}

/** Calls in flight shared by several processes. No method rejects because the shared database is unreachable. */
export interface FleetFlights {
  /** The state of the shared database. */
  readonly health: { readonly isUp: boolean; readonly errors: number };

  /**
   * The version of a group: changes with every write that has ended in any process. Only calls with equal generations may be
   * shared; none if it is `undefined`.
   */
  generation(group: string): Promise<string | undefined>;

  /**
   * To be called when a write has ended: later calls do not join earlier ones.
   *
   * @param unsettledMs - for how long calls must not be shared, as the write may still take effect
   * @param write - the write: a later drop by the same one replaces that time, and no other's
   */
  dropGroup(group: string, unsettledMs: number, write?: string): Promise<void>;

  /**
   * Runs the work, or waits for a process that is running it. If that one ends without an answer, another takes over.
   *
   * @param run - does the work; its answer goes to all waiting processes, unless it is `undefined`
   * @returns the answer; rejects like `run`, or with the reason of the signal
   */
  execute(flight: FleetFlight, run: () => Promise<Buffer | undefined>): Promise<Buffer | undefined>;
}
