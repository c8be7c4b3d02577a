/** One call that instances may share. */
export interface FleetFlight {
  /** What is dropped together: the name of the MCP server. */
  readonly group: string;
  /** What the work is about, the {@link FleetFlights.generation} at which the call began included. */
  readonly key: string;
  /** How old the work may be and still be joined, in milliseconds. */
  readonly windowMs: number;
  /** Aborted when nobody here waits for it any more. */
  readonly signal: AbortSignal;
}

/** Calls in flight that several processes share. No method rejects because what they share is out of reach. */
export interface FleetFlights {
  /** How what they share does. */
  readonly health: { readonly isUp: boolean; readonly errors: number };

  /**
   * A mark of the writes that have ended, in every process, before this was asked: only calls with the same may share
   * work. `undefined` when nobody can say: then none may.
   */
  generation(group: string): Promise<string | undefined>;

  /**
   * A write has ended: calls that begin from now on join none that has begun before.
   *
   * @param unsettledMs - how long calls must not be shared, as the write may still take effect
   */
  dropGroup(group: string, unsettledMs: number): Promise<void>;

  /**
   * Runs the work, or waits for a process that does. When that one ends without an answer, another takes its place.
   *
   * @param run - does the work; what it answers goes to all who wait, but for `undefined`, which nobody else is given
   * @returns the answer; rejects with what `run` threw, or with the reason of the signal
   */
  execute(flight: FleetFlight, run: () => Promise<Buffer | undefined>): Promise<Buffer | undefined>;
}
