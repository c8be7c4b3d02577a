import type { FleetFlight, FleetFlights } from '../share/fleet';
import { pack, unpack } from './codec';
import { type Generations, newToken } from './generations';
import type { PubSub } from './pub-sub';
import { DOWN, type RedisClient, type SendOptions } from './client';
import type { FleetConfig } from './options';
import { ignored, pair, text } from './reply';
import { ACQUIRE, RELEASE, RENEW, TOKEN_LENGTH } from './scripts';

/** Larger answers are not shared: every instance makes its own call. */
const MAX_ANSWER_BYTES = 2 ** 20;
/** Stands for an answer that is too large: unpack() rejects it. */
const TOO_LARGE = Buffer.of(255);
const FIRST_LOOK_MS = 20;
/** After so many holders without an answer, the call may be what kills them: it is not shared any more. */
const MAX_FAILED_HOLDERS = 2;

/** The holder of the lock of a call. */
interface Holder {
  readonly token: string;
  readonly ageMs: number;
}

/**
 * Calls in flight that instances share through Redis. One instance holds the lock and makes the call. The others wait for its
 * answer, which is stored under the holder's token, so that no later call gets it. Without Redis, nothing is shared.
 */
export class RedisFlights implements FleetFlights {
  readonly #client: RedisClient;
  readonly #pubSub: PubSub;
  readonly #config: FleetConfig;
  readonly #generations: Generations;
  readonly #waiters: Waiters;
  #releasing = 0;
  #errors = 0;

  constructor(client: RedisClient, pubSub: PubSub, config: FleetConfig, generations: Generations) {
    this.#client = client;
    this.#pubSub = pubSub;
    this.#waiters = new Waiters(pubSub);
    this.#config = config;
    this.#generations = generations;
  }

  get health(): FleetFlights['health'] {
    return { isUp: this.#client.isUp, errors: this.#errors + this.#generations.errors };
  }

  /** Whether updates that other instances need are still being sent. */
  get isPublishing(): boolean {
    return this.#releasing > 0 || this.#generations.isDropping;
  }

  async generation(group: string): Promise<string | undefined> {
    try {
      return await this.#generations.ask(group);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  dropGroup(group: string, unsettledMs: number, write?: string): Promise<void> {
    return this.#generations.drop(group, unsettledMs, write);
  }

  async execute(flight: FleetFlight, run: () => Promise<Buffer | undefined>): Promise<Buffer | undefined> {
    const lock = `${this.#generations.key(flight.group)}:f:${flight.key}`;
    // Its own token, and those of failed holders, whose waiters get the same answer.
    const tokens = [newToken()];
    const end = performance.now() + flight.maxWaitMs;
    while (tokens.length <= MAX_FAILED_HOLDERS) {
      flight.signal.throwIfAborted();
      let holder: Holder | undefined;
      try {
        holder = await this.#acquire(lock, tokens);
      } catch (error) {
        this.#failed(error);
        break;
      }
      if (!holder) return this.#runAsHolder(lock, tokens, run);
      // Also if the age is NaN: not a lock of ours.
      if (!(holder.ageMs < flight.windowMs)) break;
      const answer = await this.#wait(lock, holder.token, end, flight.signal);
      if (answer === 'alone') break;
      if (answer !== 'failed') return answer;
      tokens.push(holder.token);
    }
    return run();
  }

  close(): void {
    this.#generations.close();
    this.#waiters.close();
  }

  #acquire(lock: string, tokens: readonly string[]): Promise<Holder | undefined> {
    const args = [first(tokens), String(this.#config.leaseMs)];
    return this.#client.run(ACQUIRE, [lock], args, (reply) => holderOf(text(reply)), {
      // A lock that was acquired too late must not block others. Redis counts as down by then.
      onLate: (reply) => {
        if (reply === null) this.#release(lock, tokens, undefined, { isLate: true });
      },
    });
  }

  async #runAsHolder(
    lock: string,
    tokens: readonly string[],
    run: () => Promise<Buffer | undefined>,
  ): Promise<Buffer | undefined> {
    const { leaseMs } = this.#config;
    const renew = (): void => {
      this.#client
        .run(RENEW, [lock], [first(tokens), String(leaseMs)], ignored)
        .catch((error: unknown) => this.#failed(error));
    };
    const timer = setInterval(renew, leaseMs / 3).unref();
    let answer: Buffer | undefined;
    try {
      answer = await run();
      return answer;
    } finally {
      clearInterval(timer);
      this.#release(lock, tokens, answer);
    }
  }

  /** Releases the lock in the background. */
  #release(lock: string, tokens: readonly string[], answer: Buffer | undefined, how?: SendOptions): void {
    const release = async (): Promise<void> => {
      const packed = answer && (await this.#packed(answer));
      const keys = [lock, ...tokens.map((token) => `${lock}:${token}`)];
      const message = `r:${tokens.join()}`;
      const args = [first(tokens), packed ?? '', String(this.#config.leaseMs), this.#pubSub.channel, message];
      await this.#client.run(RELEASE, keys, args, ignored, how);
    };
    this.#releasing += 1;
    release()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#releasing -= 1));
  }

  async #packed(answer: Buffer): Promise<Buffer> {
    return answer.length > MAX_ANSWER_BYTES ? TOO_LARGE : pack(answer, this.#config.compressAboveBytes);
  }

  /** Waits for the answer of the holder; `failed`: there is none; `alone`: it is unknown or not shared. */
  async #wait(lock: string, token: string, end: number, signal: AbortSignal): Promise<Buffer | 'failed' | 'alone'> {
    for (let ms = FIRST_LOOK_MS; ; ms = Math.min(2 * ms, this.#pubSub.isListening ? 400 : 50)) {
      const leftMs = end - performance.now();
      if (leftMs <= 0) return 'alone';
      await this.#waiters.wait(token, Math.min(ms, leftMs), signal);
      signal.throwIfAborted();
      try {
        const [held, answer] = await this.#client.send(['MGET', lock, `${lock}:${token}`], pair);
        if (answer) return (await unpack(answer, MAX_ANSWER_BYTES)) ?? 'alone';
        if (held?.toString('latin1', 0, TOKEN_LENGTH) !== token) return 'failed';
      } catch (error) {
        this.#failed(error);
        return 'alone';
      }
    }
  }

  #failed(error: unknown): void {
    if (error !== DOWN) this.#errors += 1;
  }
}

function first(tokens: readonly string[]): string {
  return tokens[0] ?? '';
}

/** `undefined` if the lock was free and now belongs to the caller. */
function holderOf(reply: string | undefined): Holder | undefined {
  if (reply === undefined) return undefined;
  const [since, now] = reply.slice(TOKEN_LENGTH).split(':').map(Number);
  return { token: reply.slice(0, TOKEN_LENGTH), ageMs: (now ?? 0) - (since ?? 0) };
}

/** The callers that wait for a call of another instance, by its token. */
class Waiters {
  readonly #pubSub: PubSub;
  readonly #waiting = new Map<string, Set<() => void>>();
  #stopListening: (() => void) | undefined;

  constructor(pubSub: PubSub) {
    this.#pubSub = pubSub;
  }

  /** Waits until the end of the call is announced, the time is over, or `signal` is aborted. */
  wait(token: string, ms: number, signal: AbortSignal): Promise<void> {
    this.#stopListening ??= this.#pubSub.listen((message) => {
      if (!message.startsWith('r:')) return;
      for (const ended of message.slice(2).split(',')) for (const wake of this.#waiting.get(ended) ?? []) wake();
    });
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(token) ?? new Set();
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(token);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener('abort', wake, { once: true });
      this.#waiting.set(token, waiting.add(wake));
    });
  }

  close(): void {
    this.#stopListening?.();
  }
}
