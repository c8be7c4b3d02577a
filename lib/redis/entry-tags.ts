import type { RedisClient } from './client';
import { text } from './reply';
import { TAGS, TAG_LENGTH, TOKEN_LENGTH } from './scripts';

/** Look-ups of one group that share a command. */
class Batch {
  readonly #places = new Map<string, number>();
  isSent = false;
  readonly answer: Promise<string | undefined>;

  /** @param send - reads the keys asynchronously */
  constructor(send: (batch: Batch) => Promise<string | undefined>) {
    this.answer = send(this);
  }

  get keys(): Iterable<string> {
    return this.#places.keys();
  }

  /** The position of the tag of an entry in the answer. */
  place(key: string): number {
    const place = this.#places.get(key) ?? TOKEN_LENGTH + TAG_LENGTH * this.#places.size;
    this.#places.set(key, place);
    return place;
  }
}

/**
 * Checks whether entries have changed. Each entry in Redis begins with a unique tag: its generation and a token. One command
 * asks for many tags; it is always sent after the look-ups that it answers.
 */
export class EntryTags {
  readonly #client: RedisClient;
  readonly #batches = new Map<string, Batch>();

  constructor(client: RedisClient) {
    this.#client = client;
  }

  /** Whether an entry still has this tag, with the current generation of its group, whose key is `name`. */
  isCurrent(name: string, key: string, tag: string): Promise<boolean> {
    const batch = this.#join(name);
    const place = batch.place(key);
    return batch.answer.then(
      (tags) => tags !== undefined && tags.startsWith(tag, place) && tags.startsWith(tag.slice(0, TOKEN_LENGTH)),
    );
  }

  #join(name: string): Batch {
    const latest = this.#batches.get(name);
    if (latest && !latest.isSent) return latest;
    const batch = new Batch((made) => this.#send(name, made, latest));
    this.#batches.set(name, batch);
    return batch;
  }

  async #send(name: string, batch: Batch, before: Batch | undefined): Promise<string | undefined> {
    await (before ? before.answer.catch(() => undefined) : endOfTurn());
    batch.isSent = true;
    try {
      return await this.#client.run(TAGS, [name, ...batch.keys], [], text);
    } finally {
      if (this.#batches.get(name) === batch) this.#batches.delete(name);
    }
  }
}

/** Gathers the look-ups of one turn of the event loop. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
