import type { FleetConfig, RedisArgument } from './options';
import { bulk } from './reply';
import type { Script } from './scripts';
import { withTimeout } from './timeout';

/** A pause between two tries to use Redis again. */
const PROBE_EVERY_MS = 200;
/** How long a try may take: a client without a connection may keep commands until it has one. */
const PROBE_TIMEOUT_MS = 5_000;

/** Why a command was not sent. */
export const DOWN = new Error('Redis is not used: it has failed, and has not been seen to work since');

/** How a command is sent. */
export interface Sending {
  /** How long it may take. @defaultValue the fleet's `timeoutMs` */
  readonly timeoutMs?: number | undefined;
  /** Also while Redis is brought up to date before it is used again. */
  readonly isRecovery?: boolean | undefined;
  /** Also while the link is cut, as Redis has just answered. */
  readonly isPast?: boolean | undefined;
  /** Is given a reply that came too late. */
  readonly onLate?: ((reply: unknown) => void) | undefined;
}

/** Brings Redis up to date before it is used again. */
export interface Debtor {
  /** Whether something has to be told to Redis that could not be, and nobody waits for any more. */
  readonly isOwing: boolean;
  /**
   * Tells it.
   *
   * @param mayBeOld - whether Redis may have gone back to what it knew some time ago
   */
  recover(mayBeOld: boolean): Promise<void>;
}

/**
 * Commands to Redis in bounded time. The first that fails, or is late, cuts the link: nothing is sent, and nobody waits,
 * until Redis has been seen to work, and has been told what it has missed.
 */
export class RedisClient {
  readonly #config: FleetConfig;
  readonly #debtors = new Set<Debtor>();
  #isUp = true;
  #isClosed = false;
  /** Redis works again, and is told what it has missed; what it is to be told now, it is told at once. */
  #isMending = false;
  /** Of the Redis process that was spoken to last: another has what was saved, which may be old. */
  #runId: Promise<string | undefined> | undefined;

  constructor(config: FleetConfig) {
    this.#config = config;
  }

  /** Whether Redis is used. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Adds one who may have to tell Redis something. */
  enlist(debtor: Debtor): void {
    this.#debtors.add(debtor);
  }

  /**
   * Sends a command.
   *
   * @param parse - makes the answer of the reply; what it throws is a failure of Redis like any other
   */
  send<T>(args: readonly RedisArgument[], parse: (reply: unknown) => T, how?: Sending): Promise<T> {
    return this.#watched(() => this.#config.sendCommand(args), parse, how);
  }

  /** Runs a script. */
  run<T>(
    script: Script,
    keys: readonly string[],
    args: readonly (string | Buffer)[],
    parse: (reply: unknown) => T,
    how?: Sending,
  ): Promise<T> {
    const rest = [String(keys.length), ...keys, ...args];
    const send = async (): Promise<unknown> => {
      try {
        return await this.#config.sendCommand(['EVALSHA', script.sha1, ...rest]);
      } catch (error) {
        if (!String(error).includes('NOSCRIPT')) throw error;
        return this.#config.sendCommand(['EVAL', script.source, ...rest]);
      }
    };
    return this.#watched(send, parse, how);
  }

  /** Cuts the link for good. */
  close(): void {
    this.#isClosed = true;
    this.#isUp = false;
    this.#isMending = false;
  }

  async #watched<T>(send: () => Promise<unknown>, parse: (reply: unknown) => T, how: Sending = {}): Promise<T> {
    if (!this.#isUp && !how.isPast && !(how.isRecovery && this.#isMending)) throw DOWN;
    this.#runId ??= this.#askRunId();
    try {
      return parse(await withTimeout(how.timeoutMs ?? this.#config.timeoutMs, send, how.onLate));
    } catch (error) {
      this.#cut(error);
      throw error;
    }
  }

  #cut(error: unknown): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#config.logger.warn({ err: error }, 'mcpo: Redis fails: it is not used until it works again');
    this.#mendSoon();
  }

  /** Tries again and again until Redis works. */
  #mendSoon(): void {
    setTimeout(() => {
      this.#mend().catch(() => {
        this.#isMending = false;
        if (!this.#isClosed) this.#mendSoon();
      });
    }, PROBE_EVERY_MS).unref();
  }

  async #mend(): Promise<void> {
    const before = await this.#runId;
    const runId = await this.#probe();
    const mayBeOld = runId === undefined || runId !== before;
    this.#isMending = true;
    for (const debtor of this.#debtors) await debtor.recover(mayBeOld);
    // What was to be told in the meantime may have failed.
    if (this.#isClosed || [...this.#debtors].some(({ isOwing }) => isOwing)) throw DOWN;
    this.#runId = Promise.resolve(runId);
    this.#isMending = false;
    this.#isUp = true;
    this.#config.logger.info({}, 'mcpo: Redis works again, and is used');
  }

  /** Whether Redis takes a write and answers in time with bytes; who it is. */
  async #probe(): Promise<string | undefined> {
    const key = `${this.#config.prefix}probe`;
    await withTimeout(PROBE_TIMEOUT_MS, () => this.#config.sendCommand(['SET', key, '1', 'PX', '10000']));
    bulk(await withTimeout(this.#config.timeoutMs, () => this.#config.sendCommand(['GET', key])));
    return this.#askRunId();
  }

  async #askRunId(): Promise<string | undefined> {
    try {
      const info = await withTimeout(PROBE_TIMEOUT_MS, () => this.#config.sendCommand(['INFO', 'server']));
      // In a cluster any node may have answered, and none speaks for the others.
      if (/redis_mode:cluster/.test(String(info))) return undefined;
      return /run_id:(\w+)/.exec(String(info))?.[1];
    } catch {
      return undefined;
    }
  }
}
