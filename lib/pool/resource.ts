/** What a pool asks of a connection. */
export interface PoolResource {
  /** Whether it takes no more calls: it has ended, or is known to be of no more use. */
  readonly closed: boolean;
  /** Whether it should get no more calls for now, because it cannot send so much. @defaultValue false */
  readonly full?: boolean;
  /** Calls `listener` whenever it is no longer `full`. */
  onRoom?(listener: () => void): void;
  /** How many messages it has received: whoever says something lives, even without an answer to a ping. @defaultValue unknown */
  readonly received?: number;
  /** Calls `listener` once when it ends, for whatever reason. */
  onClose(listener: () => void): void;
  /** Resolves when the other side has answered; rejects when it has not within `timeoutMs` milliseconds. */
  ping(timeoutMs: number): Promise<void>;
  /** Ends it; settles in bounded time. */
  close(): Promise<void>;
}

/** Opens a connection. It gives up when the signal is aborted; one that arrives all the same is closed. */
export type Open<R extends PoolResource> = (signal: AbortSignal) => Promise<R>;

/** The right to make one call on a connection. */
export interface Lease<R> {
  /** The connection to make it on. */
  readonly connection: R;
  /** Gives the right back. The first time counts, a later one does nothing. */
  release(): void;
}
