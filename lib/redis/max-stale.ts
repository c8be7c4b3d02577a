import type { PubSub } from './pub-sub';

/**
 * Whether an entry of the local tier may be served without asking, by `maxStaleMs`: Redis was asked for it not too long
 * ago, and after the last write through this instance, or of which it has heard.
 */
export class MaxStale {
  readonly #maxStaleMs: number;
  readonly #hub: PubSub;
  /** When groups were dropped, on the clock of `performance.now()`. */
  readonly #droppedAt = new Map<string, number>();
  #allDroppedAt = -Infinity;

  constructor(maxStaleMs: number, hub: PubSub) {
    this.#maxStaleMs = maxStaleMs;
    this.#hub = hub;
    hub.listen((message) => {
      if (message.startsWith('d:')) this.#forget(message.slice(2));
    });
  }

  /** Whether what was asked for then, of a group, is young enough. */
  isRecent(name: string, askedAt: number): boolean {
    const droppedAt = Math.max(this.#allDroppedAt, this.#droppedAt.get(name) ?? -Infinity);
    return askedAt > droppedAt && performance.now() - askedAt < this.#maxStaleMs;
  }

  /** A group has been dropped here: tells the others. */
  dropped(name: string): void {
    this.#forget(name);
    this.#hub.tell(`d:${name}`);
  }

  /** All groups have been dropped. */
  forgetAll(): void {
    this.#droppedAt.clear();
    this.#allDroppedAt = performance.now();
  }

  #forget(name: string): void {
    this.#droppedAt.set(name, performance.now());
  }
}
