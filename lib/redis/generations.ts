import { randomBytes } from 'node:crypto';
import { DOWN, type Debtor, type RedisClient, type Sending } from './client';
import { ignored, scanned, text, texts } from './reply';
import { DROP, GENERATION, UNSETTLED } from './scripts';

/** So old a generation is forgotten, and with it what was kept under it: a group that is gone leaves nothing behind. */
export const GENERATION_TTL_MS = 7 * 24 * 3_600_000;
/** A drop that is not told keeps Redis out of use and other instances ignorant: it may take longer than a look-up. */
const DROPPING: Sending = { timeoutMs: 500, isRecovery: true };

/** A request that has been sent, and the one that those wait for who came after it. */
interface Turn {
  readonly answer: Promise<string | undefined>;
  next: Promise<string | undefined> | undefined;
}

/** The drops of a group that Redis has not confirmed, by their numbers. One that is confirmed does for all before it. */
interface Owed {
  /** Until when the group is unsettled, on the clock of `performance.now()`. */
  until: number;
  asked: number;
  confirmed: number;
  /** The last whose write has been answered without it. */
  givenUp: number;
  /** Until the group is settled. */
  timer: NodeJS.Timeout | undefined;
}

/** A name of which there is no other. */
export function newToken(): string {
  return randomBytes(12).toString('base64url');
}

/** A generation as it is in Redis: none while the group is unsettled. */
export function settled(generation: string): string | undefined {
  return generation === UNSETTLED ? undefined : generation;
}

/**
 * The generations of groups in Redis, which all caches and flights of a fleet have in common. Each is a token of which
 * there is no other: one that Redis has lost is replaced by a new one, under which nothing is kept.
 *
 * A drop is owed from the moment it is asked for until Redis has confirmed it. While one is owed and Redis is out of
 * reach, the {@link RedisClient} is down and nothing of it is used here.
 */
export class Generations implements Debtor {
  readonly #link: RedisClient;
  readonly #space: string;
  readonly #turns = new Map<string, Turn>();
  readonly #owed = new Map<string, Owed>();
  /** The keys of groups that were asked for here. */
  readonly #keys = new Map<string, string>();
  #owesClear = false;
  #errors = 0;

  /** @param prefix - what the names of all keys begin with in Redis */
  constructor(link: RedisClient, prefix: string) {
    this.#link = link;
    this.#space = `${prefix}{`;
    link.enlist(this);
  }

  /** How often a drop could not be told. */
  get errors(): number {
    return this.#errors;
  }

  get isOwing(): boolean {
    return this.#owesClear || [...this.#owed.values()].some(({ givenUp, confirmed }) => givenUp > confirmed);
  }

  /** Whether there are drops that Redis has not confirmed. */
  get isDropping(): boolean {
    return this.#owesClear || [...this.#owed.values()].some(({ asked, confirmed }) => asked > confirmed);
  }

  /** The key of a group's generation. In Redis Cluster, all keys that begin with it are in one place. */
  key(group: string): string {
    let key = this.#keys.get(group);
    if (key === undefined) {
      key = `${this.#space}${encodeURIComponent(group.toWellFormed())}}`;
      this.#keys.set(group, key);
    }
    return key;
  }

  /**
   * The generation of a group now. A request is sent after this is called, never before, and is shared by all who call
   * until then.
   */
  ask(group: string): Promise<string | undefined> {
    const turn = this.#turns.get(group);
    if (!turn) return this.#begin(group);
    const next = (): Promise<string | undefined> => this.#begin(group);
    turn.next ??= turn.answer.then(next, next);
    return turn.next;
  }

  /** Makes a generation for a group that has none. */
  async make(group: string): Promise<string | undefined> {
    // First, so that no group has a generation that clear() does not find.
    await this.#link.send(['SADD', this.#groups, group.toWellFormed()], ignored);
    const args = [newToken(), String(GENERATION_TTL_MS)];
    const generation = await this.#link.run(GENERATION, [this.key(group)], args, text);
    return generation === undefined ? undefined : settled(generation);
  }

  /** Moves a group on. Waits for Redis a bounded time, and never fails: what cannot be told is owed. */
  async drop(group: string, unsettledMs: number): Promise<void> {
    const owed = this.#owed.get(group) ?? { until: 0, asked: 0, confirmed: 0, givenUp: 0, timer: undefined };
    this.#owed.set(group, owed);
    owed.until = Math.max(owed.until, performance.now() + unsettledMs);
    owed.asked += 1;
    const number = owed.asked;
    try {
      await this.#drop(group, owed);
    } catch (error) {
      owed.givenUp = Math.max(owed.givenUp, number);
      this.#failed(error);
    }
  }

  /** Moves all groups on, in the same way. */
  async clear(): Promise<void> {
    try {
      await this.#clear(DROPPING);
    } catch (error) {
      this.#owesClear = true;
      this.#failed(error);
    }
  }

  async recover(mayBeOld: boolean): Promise<void> {
    if (mayBeOld || this.#owesClear) await this.#clear(DROPPING);
    for (const [group, owed] of [...this.#owed]) await this.#drop(group, owed);
  }

  /** Tells nothing any more. */
  close(): void {
    for (const { timer } of this.#owed.values()) clearTimeout(timer);
    this.#owed.clear();
  }

  /** What could not be told is owed. */
  #failed(error: unknown): void {
    if (error !== DOWN) this.#errors += 1;
  }

  get #groups(): string {
    return `${this.#space}}:groups`;
  }

  #begin(group: string): Promise<string | undefined> {
    const turn: Turn = { answer: this.#read(group), next: undefined };
    this.#turns.set(group, turn);
    const end = (): void => {
      if (!turn.next && this.#turns.get(group) === turn) this.#turns.delete(group);
    };
    turn.answer.then(end, end);
    return turn.answer;
  }

  async #read(group: string): Promise<string | undefined> {
    const known = await this.#link.send(['GET', this.key(group)], text);
    return known === undefined ? this.make(group) : settled(known);
  }

  async #drop(group: string, owed: Owed): Promise<void> {
    const { asked } = owed;
    const leftMs = Math.max(0, Math.ceil(owed.until - performance.now()));
    await this.#link.run(DROP, [this.key(group)], [String(leftMs)], ignored, DROPPING);
    owed.confirmed = Math.max(owed.confirmed, asked);
    if (owed.confirmed < owed.asked) return;
    clearTimeout(owed.timer);
    // That a group is unsettled may be lost in Redis: it is told again when Redis has failed, and once at the end.
    if (leftMs > 0) owed.timer = setTimeout(() => void this.drop(group, 0), leftMs).unref();
    else if (this.#owed.get(group) === owed) this.#owed.delete(group);
  }

  async #clear(how: Sending): Promise<void> {
    // Redis may have forgotten the list; in a cluster, a scan finds the keys of one node alone.
    const listed = await this.#link.send(['SMEMBERS', this.#groups], texts, how);
    const keys = new Set([...this.#keys.values(), ...listed.map((group) => this.key(group))]);
    for await (const key of this.#scan(how)) keys.add(key);
    await Promise.all([...keys].map((key) => this.#link.run(DROP, [key], ['0'], ignored, how)));
    this.#owesClear = false;
  }

  /** The keys of generations, as far as one node has them. */
  async *#scan(how: Sending): AsyncIterable<string> {
    const pattern = `${this.#space.replace(/[*?[\]\\^]/g, '\\$&')}*}`;
    let cursor = '0';
    do {
      const page = await this.#link.send(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000'], scanned, how);
      yield* page.keys;
      cursor = page.cursor;
    } while (cursor !== '0');
  }
}
