import type { RedisClient } from './client';
import { text } from './reply';
import { HEADS, HEAD_LENGTH, TOKEN_LENGTH } from './scripts';

/** Look-ups of one group that are answered by one command. */
class Round {
  readonly #places = new Map<string, number>();
  isSent = false;
  readonly answer: Promise<string | undefined>;

  /** @param send - does not call for the keys before it has given others a turn */
  constructor(send: (round: Round) => Promise<string | undefined>) {
    this.answer = send(this);
  }

  get keys(): Iterable<string> {
    return this.#places.keys();
  }

  /** Where the head of an entry is in the answer. */
  place(key: string): number {
    const place = this.#places.get(key) ?? TOKEN_LENGTH + HEAD_LENGTH * this.#places.size;
    this.#places.set(key, place);
    return place;
  }
}

/**
 * Whether entries are still those that they were: each begins with a head of which there is no other, its generation
 * first. A command asks for many at once: it is sent after the look-ups began that it answers, never before.
 */
export class EntryTags {
  readonly #link: RedisClient;
  readonly #rounds = new Map<string, Round>();

  constructor(link: RedisClient) {
    this.#link = link;
  }

  /** Whether an entry begins with that head, and its generation is that of its group, whose key is `name`. */
  isStill(name: string, key: string, head: string): Promise<boolean> {
    const round = this.#join(name);
    const place = round.place(key);
    return round.answer.then(
      (heads) => heads !== undefined && heads.startsWith(head, place) && heads.startsWith(head.slice(0, TOKEN_LENGTH)),
    );
  }

  #join(name: string): Round {
    const latest = this.#rounds.get(name);
    if (latest && !latest.isSent) return latest;
    const round = new Round((made) => this.#send(name, made, latest));
    this.#rounds.set(name, round);
    return round;
  }

  async #send(name: string, round: Round, before: Round | undefined): Promise<string | undefined> {
    await (before ? before.answer.catch(() => undefined) : endOfTurn());
    round.isSent = true;
    try {
      return await this.#link.run(HEADS, [name, ...round.keys], [], text);
    } finally {
      if (this.#rounds.get(name) === round) this.#rounds.delete(name);
    }
  }
}

/** What has come with it over other connections is looked up with it. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
