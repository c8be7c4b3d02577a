import type { Hub } from './hub';

/** When a group was last seen to have its generation, on the clock of `performance.now()`. */
interface Seen {
  readonly generation: string;
  readonly at: number;
}

/**
 * Whether an entry of the local tier may be served without asking, by `maxStaleMs`: its generation was the group's when it
 * was last asked for, and that is not too long ago. A write through this instance, or one that is heard of, ends that.
 */
export class Staleness {
  readonly #maxStaleMs: number;
  readonly #hub: Hub;
  readonly #seen = new Map<string, Seen>();
  #drops = 0;

  constructor(maxStaleMs: number, hub: Hub) {
    this.#maxStaleMs = maxStaleMs;
    this.#hub = hub;
    hub.listen((message) => {
      if (message.startsWith('d:')) this.#forget(message.slice(2));
    });
  }

  /** Whether the group had that generation lately. */
  isRecent(name: string, generation: unknown): boolean {
    const seen = this.#seen.get(name);
    return seen !== undefined && seen.generation === generation && performance.now() - seen.at < this.#maxStaleMs;
  }

  /** A generation is about to be asked for; what is returned takes the answer. */
  asking(name: string): (generation: string) => void {
    const at = performance.now();
    const drops = this.#drops;
    return (generation) => {
      // One that was asked for before a drop says nothing of what is after it.
      if (drops === this.#drops) this.#seen.set(name, { generation, at });
    };
  }

  /** A group has been dropped here: tells the others. */
  dropped(name: string): void {
    this.#forget(name);
    this.#hub.tell(`d:${name}`);
  }

  /** All groups have been dropped. */
  forgetAll(): void {
    this.#drops += 1;
    this.#seen.clear();
  }

  #forget(name: string): void {
    this.#drops += 1;
    this.#seen.delete(name);
  }
}
