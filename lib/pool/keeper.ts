import { McpoError } from '../errors';
import type { PooledConnection } from './pooled-connection';
import type { PoolConfig } from './options';
import type { PoolResource } from './resource';
import { withTimeout } from '../util/timeout';

/** The pool, as its keeper sees it. */
export interface KeeperHost<R extends PoolResource> {
  /** The connections, the oldest first. */
  readonly members: readonly PooledConnection<R>[];
  /** Whether a member has given no answer for at least `ms` milliseconds in which there were calls. */
  isSilent(member: PooledConnection<R>, ms: number): boolean;
  /** A member answered a ping. */
  answered(member: PooledConnection<R>): void;
  /** A member did not. */
  unresponsive(member: PooledConnection<R>, error: unknown): void;
  /** Whether the pool would open another at once if it closed this member. */
  isNeeded(member: PooledConnection<R>): boolean;
  /** A member is idle beyond the minimum. */
  surplus(member: PooledConnection<R>): void;
  /** Connections may be missing. */
  refill(): void;
}

/** Looks after a pool from time to time: pings, drops the dead, closes what has long been idle beyond the minimum. */
export class Keeper<R extends PoolResource> {
  readonly #config: PoolConfig;
  readonly #pool: KeeperHost<R>;
  readonly #stopped = new AbortController();
  #checks: NodeJS.Timeout | undefined;
  #checkedAt: Date | undefined;
  #trim: NodeJS.Timeout | undefined;

  constructor(config: PoolConfig, pool: KeeperHost<R>) {
    this.#config = config;
    this.#pool = pool;
  }

  /** When the pool was last looked after. */
  get checkedAt(): Date | undefined {
    return this.#checkedAt;
  }

  /** The pool has one connection more. */
  grown(): void {
    this.#checks ??= setInterval(() => this.#check(), this.#config.healthCheckIntervalMs).unref();
    if (this.#pool.members.length > this.#config.minConnections) this.#trimIn(this.#config.maxIdleMs);
  }

  /** Ends the rounds. */
  stop(): void {
    clearInterval(this.#checks);
    clearTimeout(this.#trim);
    this.#stopped.abort();
  }

  #check(): void {
    const { members } = this.#pool;
    this.#checkedAt = new Date();
    for (const member of members) if (this.#isDoubtful(member)) void this.#ping(member);
    this.#pool.refill();
  }

  /**
   * An answer to a call is as good as one to a ping, so a busy connection is asked only when none has come for long. How old
   * its calls are says nothing: they may have been given up, one after the other.
   */
  #isDoubtful(member: PooledConnection<R>): boolean {
    if (member.state !== 'open' || member.pinged) return false;
    return member.leases.size === 0 || this.#pool.isSilent(member, this.#config.healthCheckIntervalMs);
  }

  async #ping(member: PooledConnection<R>): Promise<void> {
    const { pingTimeoutMs } = this.#config;
    member.pinged = true;
    try {
      const ping = (async () => member.connection.ping(pingTimeoutMs))();
      await withTimeout(ping, pingTimeoutMs, () => noAnswer(pingTimeoutMs), this.#stopped.signal);
      this.#pool.answered(member);
    } catch (error) {
      this.#pool.unresponsive(member, error);
    } finally {
      member.pinged = false;
    }
  }

  #trimIn(ms: number): void {
    this.#trim ??= setTimeout(() => this.#trimNow(), Math.ceil(ms)).unref();
  }

  /** The minimum that stays is the oldest; the next round is when the next connection can have been idle for too long. */
  #trimNow(): void {
    this.#trim = undefined;
    const { maxIdleMs, minConnections } = this.#config;
    const now = performance.now();
    const open = this.#pool.members.filter((member) => member.state === 'open');
    let surplus = open.length - minConnections;
    let next = maxIdleMs;
    for (const member of open.reverse()) {
      if (surplus <= 0) return;
      if (member.leases.size > 0) continue;
      const left = member.idleSince + maxIdleMs - now;
      if (left > 0) {
        next = Math.min(next, left);
      } else if (!this.#pool.isNeeded(member)) {
        surplus--;
        this.#pool.surplus(member);
      }
    }
    if (surplus > 0) this.#trimIn(next);
  }
}

function noAnswer(ms: number): McpoError {
  return new McpoError('MCPO_TIMEOUT', `no answer to a ping in ${ms} ms`);
}
