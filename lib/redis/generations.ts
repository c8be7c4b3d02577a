import { randomBytes } from 'node:crypto';
import { DOWN, type Recoverable, type RedisClient, type SendOptions } from './client';
import { ignored, scanned, text, texts } from './reply';
import { CHECK, DROP, GENERATION, UNSETTLED } from './scripts';

/** The lifetime of a generation and of the entries under it, so that removed groups leave nothing behind. */
export const GENERATION_TTL_MS = 7 * 24 * 3_600_000;
/** A failed drop takes Redis out of use and leaves other instances uninformed: it has a longer timeout than a look-up. */
const DROP_TIMEOUT_MS = 500;
const DROPPING: SendOptions = { timeoutMs: DROP_TIMEOUT_MS, isRecovery: true };

/** A request that has been sent, and the next one, which serves all later callers. */
interface Request {
  readonly answer: Promise<string | undefined>;
  next: Promise<string | undefined> | undefined;
}

/** The drops of a group, numbered. The confirmation of one covers all before it. */
interface PendingDrops {
  /** Until when each write leaves the group unsettled, on the clock of `performance.now()`. */
  readonly until: Map<string, number>;
  requested: number;
  confirmed: number;
  /** The last one that could not be sent in time. */
  failed: number;
  /** Runs until the group is settled. */
  timer: NodeJS.Timeout | undefined;
  /** Called when a drop has been confirmed. */
  readonly listeners: Set<() => void>;
}

/** A unique random token. */
export function newToken(): string {
  return randomBytes(12).toString('base64url');
}

/** Decodes a generation from Redis: none while the group is unsettled. */
export function settled(generation: string): string | undefined {
  return generation === UNSETTLED ? undefined : generation;
}

/**
 * The generations of groups in Redis, common to all caches and flights of a fleet. Each is a unique token. One that Redis has
 * lost is replaced by a new one, under which there are no entries.
 *
 * A drop is pending until Redis has confirmed it. If that fails, the {@link RedisClient} is down and nothing from Redis is
 * used here until the drop has been repeated.
 */
export class Generations implements Recoverable {
  readonly #client: RedisClient;
  readonly #space: string;
  readonly #requests = new Map<string, Request>();
  readonly #pending = new Map<string, PendingDrops>();
  /** The keys of groups that this instance has used. */
  readonly #keys = new Map<string, string>();
  #isClearPending = false;
  #errors = 0;

  constructor(client: RedisClient, prefix: string) {
    this.#client = client;
    this.#space = `${prefix}{`;
    client.enlist(this);
  }

  get errors(): number {
    return this.#errors;
  }

  get isPending(): boolean {
    return this.#isClearPending || [...this.#pending.values()].some(({ failed, confirmed }) => failed > confirmed);
  }

  /** Whether there are drops that Redis has not confirmed. */
  get isDropping(): boolean {
    const drops = [...this.#pending.values()];
    return this.#isClearPending || drops.some(({ requested, confirmed }) => requested > confirmed);
  }

  /** The key of a group's generation. Its hash tag keeps all keys of the group on one node of a Redis Cluster. */
  key(group: string): string {
    let key = this.#keys.get(group);
    if (key === undefined) {
      key = `${this.#space}${encodeURIComponent(group.toWellFormed())}}`;
      this.#keys.set(group, key);
    }
    return key;
  }

  /** Reads the generation of a group. The request is sent after this call, and shared with other callers until then. */
  ask(group: string): Promise<string | undefined> {
    const request = this.#requests.get(group);
    if (!request) return this.#begin(group);
    const next = (): Promise<string | undefined> => this.#begin(group);
    request.next ??= request.answer.then(next, next);
    return request.next;
  }

  /** Creates the generation of a group without one. */
  async make(group: string): Promise<string | undefined> {
    // First: clear() must find every group with a generation.
    await this.#client.send(['SADD', this.#groups, group.toWellFormed()], ignored);
    const args = [newToken(), String(GENERATION_TTL_MS), this.#client.isCluster ? '1' : '0'];
    const generation = await this.#client.run(GENERATION, processKeys(this.key(group)), args, text);
    return generation === undefined ? undefined : settled(generation);
  }

  /**
   * Starts the next generation of a group. Never rejects: a drop that has not been confirmed in time stays pending. One that
   * fails sooner is waited for, as Redis may recover; not in a longer outage.
   */
  async drop(group: string, unsettledMs: number, write = newToken()): Promise<void> {
    const drops = this.#pending.get(group) ?? {
      until: new Map<string, number>(),
      requested: 0,
      confirmed: 0,
      failed: 0,
      timer: undefined,
      listeners: new Set<() => void>(),
    };
    this.#pending.set(group, drops);
    drops.until.set(write, performance.now() + unsettledMs);
    drops.requested += 1;
    const number = drops.requested;
    const begun = performance.now();
    try {
      await this.#drop(group, drops);
    } catch (error) {
      drops.failed = Math.max(drops.failed, number);
      this.#failed(error);
      const deadline = Math.min(begun, this.#client.downSince) + DROP_TIMEOUT_MS;
      await confirmed(drops, number, deadline - performance.now());
    }
  }

  /** Starts the next generation of all groups, in the same way. */
  async clear(): Promise<void> {
    try {
      await this.#clear(DROPPING);
    } catch (error) {
      this.#isClearPending = true;
      this.#failed(error);
    }
  }

  async recover(mayBeOld: boolean | undefined): Promise<void> {
    if (mayBeOld || this.#isClearPending) await this.#clear(DROPPING);
    else if (mayBeOld === undefined) await this.#check();
    for (const [group, drops] of [...this.#pending]) await this.#drop(group, drops);
  }

  close(): void {
    for (const { timer } of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
  }

  #failed(error: unknown): void {
    if (error !== DOWN) this.#errors += 1;
  }

  get #groups(): string {
    return `${this.#space}}:groups`;
  }

  #begin(group: string): Promise<string | undefined> {
    const request: Request = { answer: this.#read(group), next: undefined };
    this.#requests.set(group, request);
    const end = (): void => {
      if (!request.next && this.#requests.get(group) === request) this.#requests.delete(group);
    };
    request.answer.then(end, end);
    return request.answer;
  }

  async #read(group: string): Promise<string | undefined> {
    const known = await this.#client.send(['GET', this.key(group)], text);
    return known === undefined ? this.make(group) : settled(known);
  }

  async #drop(group: string, drops: PendingDrops): Promise<void> {
    const { requested } = drops;
    const now = performance.now();
    const left = Array.from(drops.until, ([write, until]) => [write, Math.max(0, Math.ceil(until - now))] as const);
    const leftMs = Math.max(0, ...left.map(([, ms]) => ms));
    const args = left.flatMap(([write, ms]) => [write, String(ms)]);
    await this.#client.run(DROP, this.#dropKeys(this.key(group)), args, ignored, DROPPING);
    for (const [write, ms] of left) if (ms === 0 && (drops.until.get(write) ?? 0) <= now) drops.until.delete(write);
    drops.confirmed = Math.max(drops.confirmed, requested);
    for (const listener of drops.listeners) listener();
    if (drops.confirmed < drops.requested) return;
    clearTimeout(drops.timer);
    // Redis may lose that the group is unsettled: the drop is repeated after a failure, and once at the end.
    if (leftMs > 0) drops.timer = setTimeout(() => void this.drop(group, 0), leftMs).unref();
    else if (this.#pending.get(group) === drops) this.#pending.delete(group);
  }

  /** The keys of a group's generation and of its unsettled writes. */
  #dropKeys(key: string): readonly string[] {
    return [key, `${key}:w`];
  }

  async #clear(how: SendOptions): Promise<void> {
    const keys = await this.#known(how);
    // Redis may have lost the list; in a cluster, a scan finds the keys of one node only.
    for await (const key of this.#scan(how)) keys.add(key);
    await Promise.all([...keys].map((key) => this.#client.run(DROP, this.#dropKeys(key), [], ignored, how)));
    this.#isClearPending = false;
  }

  /** Drops the groups on nodes of a cluster that may have old data. */
  async #check(): Promise<void> {
    const keys = await this.#known(DROPPING);
    const args = [String(GENERATION_TTL_MS)];
    await Promise.all([...keys].map((key) => this.#client.run(CHECK, processKeys(key), args, ignored, DROPPING)));
  }

  /** The keys of all groups that this instance or the list in Redis knows of. */
  async #known(how: SendOptions): Promise<Set<string>> {
    const listed = await this.#client.send(['SMEMBERS', this.#groups], texts, how);
    return new Set([...this.#keys.values(), ...listed.map((group) => this.key(group))]);
  }

  /** The keys of generations on one node. */
  async *#scan(how: SendOptions): AsyncIterable<string> {
    const pattern = `${this.#space.replace(/[*?[\]\\^]/g, '\\$&')}*}`;
    let cursor = '0';
    do {
      const page = await this.#client.send(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000'], scanned, how);
      yield* page.keys;
      cursor = page.cursor;
    } while (cursor !== '0');
  }
}

/** The keys of a group's generation and of the id of the process that had it. */
function processKeys(key: string): readonly string[] {
  return [key, `${key}:p`];
}

/** Waits until a drop has been confirmed, or for this time. */
function confirmed(drops: PendingDrops, number: number, ms: number): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      drops.listeners.delete(check);
      resolve();
    };
    const check = (): void => {
      if (drops.confirmed >= number) end();
    };
    const timer = setTimeout(end, ms);
    drops.listeners.add(check);
  });
}
