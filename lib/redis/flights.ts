import type { FleetFlight, FleetFlights } from '../share/fleet';
import { pack, unpack } from './codec';
import { type Generations, newToken } from './generations';
import type { PubSub } from './pub-sub';
import { DOWN, type RedisClient, type Sending } from './client';
import type { FleetConfig } from './options';
import { ignored, pair, text } from './reply';
import { ACQUIRE, RELEASE, RENEW, TOKEN_LENGTH } from './scripts';
import { Waiters } from './waiters';

/** The largest answer that is handed on; of a larger one, every instance makes its own. */
const MAX_ANSWER_BYTES = 2 ** 20;
/** In place of an answer that is too large: it cannot be unpacked. */
const TOO_LARGE = Buffer.of(255);
const FIRST_LOOK_MS = 20;
/** Of so many that were waited for, each has gone without an answer: what kills them should not be waited for any longer. */
const MAX_GONE = 2;

/** Who has the lock of a call. */
interface Holder {
  readonly token: string;
  readonly ageMs: number;
}

/**
 * Calls in flight that instances share through Redis. One holds the lock and works; the others wait for its answer, which
 * lies under the holder's token, so that nobody who comes later is given it. Without Redis, everybody works alone.
 */
export class RedisFlights implements FleetFlights {
  readonly #link: RedisClient;
  readonly #hub: PubSub;
  readonly #config: FleetConfig;
  readonly #generations: Generations;
  readonly #waiters: Waiters;
  #releasing = 0;
  #errors = 0;

  constructor(link: RedisClient, hub: PubSub, config: FleetConfig, generations: Generations) {
    this.#link = link;
    this.#hub = hub;
    this.#waiters = new Waiters(hub);
    this.#config = config;
    this.#generations = generations;
  }

  get health(): FleetFlights['health'] {
    return { isUp: this.#link.isUp, errors: this.#errors + this.#generations.errors };
  }

  /** Whether something is on its way to Redis, or owed, of which others must hear. */
  get isTelling(): boolean {
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

  dropGroup(group: string, unsettledMs: number): Promise<void> {
    return this.#generations.drop(group, unsettledMs);
  }

  async execute(flight: FleetFlight, run: () => Promise<Buffer | undefined>): Promise<Buffer | undefined> {
    const lock = `${this.#generations.key(flight.group)}:f:${flight.key}`;
    // Its own, and those of holders that have gone: others who wait for the same ones are given the same answer.
    const tokens = [newToken()];
    const end = performance.now() + flight.windowMs;
    while (tokens.length <= MAX_GONE) {
      flight.signal.throwIfAborted();
      let holder: Holder | undefined;
      try {
        holder = await this.#acquire(lock, tokens);
      } catch (error) {
        this.#failed(error);
        break;
      }
      if (!holder) return this.#lead(lock, tokens, run);
      // Also when its age is no number: the lock is of something else.
      if (!(holder.ageMs < flight.windowMs)) break;
      const answer = await this.#wait(lock, holder.token, end, flight.signal);
      if (answer === 'alone') break;
      if (answer !== 'gone') return answer;
      tokens.push(holder.token);
    }
    return run();
  }

  /** Hears and tells nothing any more. */
  close(): void {
    this.#generations.close();
    this.#waiters.close();
  }

  #acquire(lock: string, tokens: readonly string[]): Promise<Holder | undefined> {
    const args = [first(tokens), String(this.#config.leaseMs)];
    return this.#link.run(ACQUIRE, [lock], args, (reply) => holderOf(text(reply)), {
      // A lock that was got too late is nobody's: it must not keep others waiting. The link has been cut by then.
      onLate: (reply) => {
        if (reply === null) this.#release(lock, tokens, undefined, { isPast: true });
      },
    });
  }

  async #lead(
    lock: string,
    tokens: readonly string[],
    run: () => Promise<Buffer | undefined>,
  ): Promise<Buffer | undefined> {
    const { leaseMs } = this.#config;
    const renew = (): void => {
      this.#link
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

  /** In the background: the caller has the answer. */
  #release(lock: string, tokens: readonly string[], answer: Buffer | undefined, how?: Sending): void {
    const release = async (): Promise<void> => {
      const packed = answer && (await this.#packed(answer));
      const keys = [lock, ...tokens.map((token) => `${lock}:${token}`)];
      const message = `r:${tokens.join()}`;
      const args = [first(tokens), packed ?? '', String(this.#config.leaseMs), this.#hub.channel, message];
      await this.#link.run(RELEASE, keys, args, ignored, how);
    };
    this.#releasing += 1;
    release()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#releasing -= 1));
  }

  async #packed(answer: Buffer): Promise<Buffer> {
    return answer.length > MAX_ANSWER_BYTES ? TOO_LARGE : pack(answer, this.#config.compressAboveBytes);
  }

  /** The answer of the holder; `gone` when there will be none, `alone` when nobody can say, or it is not handed on. */
  async #wait(lock: string, token: string, end: number, signal: AbortSignal): Promise<Buffer | 'gone' | 'alone'> {
    for (let ms = FIRST_LOOK_MS; ; ms = Math.min(2 * ms, this.#hub.isListening ? 400 : 50)) {
      const leftMs = end - performance.now();
      if (leftMs <= 0) return 'alone';
      await this.#waiters.news(token, Math.min(ms, leftMs), signal);
      signal.throwIfAborted();
      try {
        const [held, answer] = await this.#link.send(['MGET', lock, `${lock}:${token}`], pair);
        if (answer) return (await unpack(answer, MAX_ANSWER_BYTES)) ?? 'alone';
        if (held?.toString('latin1', 0, TOKEN_LENGTH) !== token) return 'gone';
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

/** `undefined` when the lock was free, and is the caller's now. */
function holderOf(reply: string | undefined): Holder | undefined {
  if (reply === undefined) return undefined;
  const [since, now] = reply.slice(TOKEN_LENGTH).split(':').map(Number);
  return { token: reply.slice(0, TOKEN_LENGTH), ageMs: (now ?? 0) - (since ?? 0) };
}
