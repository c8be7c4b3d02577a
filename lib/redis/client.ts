import type { FleetConfig, RedisArgument } from './options';
import { bulk } from './reply';
import type { Script } from './scripts';

/** The time between two attempts to reconnect. */
const PROBE_EVERY_MS = 200;
/** The timeout of an attempt: a client may queue commands until it has a connection. */
const PROBE_TIMEOUT_MS = 5_000;

/** The timeout of a command is divided into so many parts. */
const TIMEOUT_PARTS = 4;

/** The error of a command that was not sent. */
export const DOWN = new Error('Redis is down: it has failed and not recovered yet');

/** Options of a command. */
export interface SendOptions {
  /** The timeout. @defaultValue the fleet's `timeoutMs` */
  readonly timeoutMs?: number | undefined;
  /** Also sent during the recovery. */
  readonly isRecovery?: boolean | undefined;
  /** Also sent while Redis is down, as it has just answered. */
  readonly isLate?: boolean | undefined;
  /** Called with a reply that arrives after the timeout. */
  readonly onLate?: ((reply: unknown) => void) | undefined;
}

/** Updates Redis before it is used again. */
export interface Recoverable {
  /** Whether updates are pending that Redis has not received. */
  readonly isPending: boolean;
  /**
   * Sends the pending updates.
   *
   * @param mayBeOld - whether Redis may have restarted with old data; `undefined`: some node of a cluster may have
   */
  recover(mayBeOld: boolean | undefined): Promise<void>;
}

/**
 * Sends commands to Redis with a timeout. After the first failure Redis counts as down: nothing is sent until a probe has
 * succeeded and all pending updates have been received.
 */
export class RedisClient {
  readonly #config: FleetConfig;
  readonly #recoverables = new Set<Recoverable>();
  #isUp = true;
  #downSince = -Infinity;
  #isCluster = false;
  #isClosed = false;
  /** Whether the pending updates are being sent. */
  #isRecovering = false;
  /** The id of the Redis process: another one may have loaded old data. */
  #runId: Promise<string | undefined> | undefined;

  constructor(config: FleetConfig) {
    this.#config = config;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get isCluster(): boolean {
    return this.#isCluster;
  }

  /** When it last failed, on the clock of `performance.now()`. */
  get downSince(): number {
    return this.#downSince;
  }

  enlist(recoverable: Recoverable): void {
    this.#recoverables.add(recoverable);
  }

  /** Sends a command. If `parse` throws at the reply, Redis has failed. */
  send<T>(args: readonly RedisArgument[], parse: (reply: unknown) => T, how?: SendOptions): Promise<T> {
    return this.#watched(() => this.#config.sendCommand(args), parse, how);
  }

  run<T>(
    script: Script,
    keys: readonly string[],
    args: readonly (string | Buffer)[],
    parse: (reply: unknown) => T,
    how?: SendOptions,
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

  /** Stops using Redis for good. */
  close(): void {
    this.#isClosed = true;
    this.#isUp = false;
    this.#isRecovering = false;
  }

  async #watched<T>(send: () => Promise<unknown>, parse: (reply: unknown) => T, how: SendOptions = {}): Promise<T> {
    if (!this.#isUp && !how.isLate && !(how.isRecovery && this.#isRecovering)) throw DOWN;
    this.#runId ??= this.#askRunId();
    try {
      return parse(await replyWithin(how.timeoutMs ?? this.#config.timeoutMs, send, how.onLate));
    } catch (error) {
      this.#setDown(error);
      throw error;
    }
  }

  #setDown(error: unknown): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#downSince = performance.now();
    this.#config.logger.warn({ err: error }, 'mcpo: Redis has failed: it is not used until it has recovered');
    this.#recoverLater();
  }

  #recoverLater(): void {
    setTimeout(() => {
      this.#recover().catch(() => {
        this.#isRecovering = false;
        if (!this.#isClosed) this.#recoverLater();
      });
    }, PROBE_EVERY_MS).unref();
  }

  async #recover(): Promise<void> {
    const before = await this.#runId;
    const runId = await this.#probe();
    const mayBeOld = this.#isCluster ? undefined : runId === undefined || runId !== before;
    this.#isRecovering = true;
    for (const recoverable of this.#recoverables) await recoverable.recover(mayBeOld);
    // Further updates may have failed meanwhile.
    if (this.#isClosed || [...this.#recoverables].some(({ isPending }) => isPending)) throw DOWN;
    this.#runId = Promise.resolve(runId);
    this.#isRecovering = false;
    this.#isUp = true;
    this.#config.logger.info({}, 'mcpo: Redis has recovered and is used again');
  }

  /** Checks that Redis accepts a write and replies in time with bytes; returns its id. */
  async #probe(): Promise<string | undefined> {
    const key = `${this.#config.prefix}probe`;
    await replyWithin(PROBE_TIMEOUT_MS, () => this.#config.sendCommand(['SET', key, '1', 'PX', '10000']));
    bulk(await replyWithin(this.#config.timeoutMs, () => this.#config.sendCommand(['GET', key])));
    return this.#askRunId();
  }

  async #askRunId(): Promise<string | undefined> {
    try {
      const info = await replyWithin(PROBE_TIMEOUT_MS, () => this.#config.sendCommand(['INFO', 'server']));
      // In a cluster, the answer is that of any one node.
      this.#isCluster = /redis_mode:cluster/.test(String(info));
      if (this.#isCluster) return undefined;
      return /run_id:(\w+)/.exec(String(info))?.[1];
    } catch {
      return undefined;
    }
  }
}

/**
 * Waits for the reply to a command. Unlike `withTimeout()`, it waits in several parts: if this process was blocked for
 * the whole time, queued commands and replies that have arrived meanwhile are processed before the timeout.
 */
function replyWithin(ms: number, send: () => Promise<unknown>, onLate?: (reply: unknown) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let parts = TIMEOUT_PARTS;
    const wait = (): NodeJS.Timeout =>
      setTimeout(() => {
        parts -= 1;
        if (parts > 0) timer = wait();
        else reject(new Error(`Redis did not answer within ${ms} ms`));
      }, ms / TIMEOUT_PARTS).unref();
    let timer = wait();
    const sent = new Promise((done) => done(send()));
    sent.then(
      (reply) => {
        clearTimeout(timer);
        if (parts > 0) resolve(reply);
        else onLate?.(reply);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
