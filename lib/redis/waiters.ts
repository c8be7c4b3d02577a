import type { PubSub } from './pub-sub';

/** Those who wait for the end of another instance's call, by the token of the call. */
export class Waiters {
  readonly #hub: PubSub;
  readonly #waiting = new Map<string, Set<() => void>>();
  #stopListening: (() => void) | undefined;

  constructor(hub: PubSub) {
    this.#hub = hub;
  }

  /** Resolves when the call has been told to have ended, after some time, or when nobody waits any more. */
  news(token: string, ms: number, signal: AbortSignal): Promise<void> {
    this.#stopListening ??= this.#hub.listen((message) => {
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

  /** Hears nothing any more. */
  close(): void {
    this.#stopListening?.();
  }
}
