import { McpoError } from '../errors';
import type { CloseReason, Journal } from './events';
import { Growth } from './growth';
import { Keeper } from './keeper';
import { PooledConnection } from './pooled-connection';
import { Opener } from './opener';
import type { PoolConfig } from './options';
import type { Open, PoolResource } from './resource';
import { Connections } from './connections';

/** Those who make calls, as the supply of connections sees them. */
export interface Demand {
  /** How many have a lease. */
  inFlight(): number;
  /** How many wait for one. */
  waiting(): number;
  /** There is a connection more. */
  arrived(): void;
  /** There is no connection, and none will come before the backoff is over. */
  hopeless(): void;
  /** Nothing is being opened any more. */
  settled(): void;
}

/** Sees to it that a pool has the connections it needs: opens, replaces, and closes them. */
export class Supply<R extends PoolResource> {
  /** The connections there are. */
  readonly roster: Connections<R>;
  /** Looks after them. */
  readonly keeper: Keeper<R>;
  readonly #config: PoolConfig;
  readonly #journal: Journal;
  readonly #demand: Demand;
  readonly #opener: Opener<R>;
  readonly #growth: Growth<R>;
  readonly #disposals = new Set<Promise<void>>();
  #stopped = false;

  constructor(open: Open<R>, config: PoolConfig, journal: Journal, demand: Demand) {
    this.#config = config;
    this.#journal = journal;
    this.#demand = demand;
    this.roster = new Connections(config.maxInFlightPerConnection);
    const { members } = this.roster;
    this.#growth = new Growth(members, config.growAfterMs, () => this.#grow());
    this.#opener = new Opener(open, config.connectTimeoutMs, {
      opened: (connection) => this.#opened(connection),
      failed: (error) => this.#failed(error),
      ready: () => this.refill(),
    });
    this.keeper = new Keeper(config, {
      members,
      isSilent: (member, ms) => this.#growth.isSilent(member, ms),
      answered: (member) => this.answered(member),
      unresponsive: (member, error) => this.#unresponsive(member, error),
      isNeeded: (member) => this.#growth.isStrained(members.filter((other) => other !== member)),
      surplus: (member) => this.#dismiss(member, 'idle'),
      refill: () => this.refill(),
    });
  }

  get opening(): number {
    return this.#opener.opening;
  }

  /** Milliseconds until the backoff is over; 0 when there is none. */
  get retryAfterMs(): number {
    return this.#opener.retryAfterMs;
  }

  /** The beat that a lease given now belongs to; see {@link Growth}. */
  watch(): number {
    return this.#growth.watch();
  }

  /** A member has answered, and so is known to work. */
  answered(member: PooledConnection<R>): void {
    member.heardBeat = this.#growth.beat;
    if (member.proven || member.state === 'gone' || member.connection.closed) return;
    member.proven = true;
    this.#opener.proven();
  }

  /** A member's connection takes no more calls although it has not ended: it is closed with the last that it has. */
  replace(member: PooledConnection<R>): void {
    if (member.state !== 'open') return;
    this.#opener.ended(member.proven);
    member.state = 'retiring';
    if (member.leases.size === 0) this.retire(member);
    else this.refill();
  }

  /** A member that took no more calls has ended its last. */
  retire(member: PooledConnection<R>): void {
    this.#dismiss(member, member.connection.closed ? 'died' : 'unresponsive');
    this.refill();
  }

  /** Opens what is missing: the minimum, and one where somebody waits and there is none. */
  refill(): void {
    if (this.#stopped) return;
    const wanted = Math.max(this.#config.minConnections, this.#demand.waiting() > 0 ? 1 : 0);
    const { retryAfterMs } = this; // Before `mayOpen` looks at the clock: what is over by then needs no timer.
    while (this.#usable < wanted && this.#hasRoom && this.#opener.mayOpen(this.roster.open)) this.#opener.open();
    if (this.#usable < wanted && retryAfterMs > 0) this.#opener.retryIn(retryAfterMs);
    if (retryAfterMs > 0) this.#giveUp();
  }

  /** Opens no more, and tells what is being opened to end. */
  stop(): void {
    this.#stopped = true;
    this.keeper.stop();
    this.#growth.stop();
    this.#opener.stop();
  }

  /** Closes every connection there is, and any that is still to come. */
  async closeAll(): Promise<void> {
    for (const member of [...this.roster.members]) this.#dismiss(member, 'closing');
    await Promise.all([this.#opener.abandon(), ...this.#disposals]);
  }

  /** Connections that take calls, or soon will. */
  get #usable(): number {
    return this.roster.open + this.opening;
  }

  get #hasRoom(): boolean {
    return this.roster.members.length + this.opening < this.#config.maxConnections;
  }

  /** A second one at a time must be worth it: there are more calls than connections, even with the one to come. */
  #grow(): void {
    const calls = this.#demand.inFlight() + this.#demand.waiting();
    const worthIt = this.opening === 0 || calls > this.roster.members.length + this.opening;
    if (worthIt && this.#hasRoom && this.#opener.mayOpen(this.roster.open)) this.#opener.open();
  }

  #opened(connection: R): void {
    if (this.#stopped) {
      this.#dispose(connection);
      this.#demand.settled();
      return;
    }
    const member = new PooledConnection(connection, this.#growth.beat);
    connection.onClose(() => this.#died(member));
    this.roster.add(member);
    this.keeper.grown();
    this.#journal.opened();
    this.#demand.arrived();
    this.refill();
  }

  #failed(error: unknown): void {
    if (this.#stopped) {
      this.#demand.settled();
      return;
    }
    this.#journal.failed('connect', error);
    this.#giveUp();
    this.refill();
  }

  #died(member: PooledConnection<R>): void {
    if (!this.roster.remove(member)) return;
    this.#journal.closed('died');
    if (this.#stopped) return;
    this.#opener.ended(member.proven);
    this.#journal.failed('died', new McpoError('MCPO_CONNECTION_LOST', 'the connection ended by itself'));
    this.refill();
  }

  /** Its calls are left to their callers, who know how long they may take: a tool may block its process for minutes. */
  #unresponsive(member: PooledConnection<R>, error: unknown): void {
    if (this.#stopped || member.state !== 'open') return;
    this.#opener.ended(member.proven);
    this.#journal.failed('ping', error);
    if (member.leases.size > 0) member.state = 'retiring';
    else this.#dismiss(member, 'unresponsive');
    this.refill();
  }

  /** Nothing will come for a while: those who wait are told, unless it worked a moment ago. */
  #giveUp(): void {
    if (this.#usable === 0 && !this.#opener.workedLately) this.#demand.hopeless();
  }

  #dismiss(member: PooledConnection<R>, reason: CloseReason): void {
    if (!this.roster.remove(member)) return;
    this.#journal.closed(reason);
    this.#dispose(member.connection);
  }

  #dispose(connection: R): void {
    const disposal = (async () => connection.close())()
      .catch((error: unknown) => this.#journal.failed('close', error))
      .finally(() => this.#disposals.delete(disposal));
    this.#disposals.add(disposal);
  }
}
