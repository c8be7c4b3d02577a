import type { RedisClient } from './client';
import type { FleetConfig } from './options';
import { ignored } from './reply';
import { withTimeout } from './timeout';

/** A pause before listening is tried again. */
const SUBSCRIBE_AGAIN_MS = 1_000;
/** How long closing waits for the host to stop listening. */
const UNSUBSCRIBE_MS = 500;

type Unsubscribe = () => Promise<void> | void;

/** What instances tell each other. A message may be lost: none is needed for an answer to be right, or to come. */
export class PubSub {
  readonly #link: RedisClient;
  readonly #config: FleetConfig;
  readonly #listeners = new Set<(message: string) => void>();
  #subscription: Promise<Unsubscribe | undefined> | undefined;
  #isListening = false;
  #isClosed = false;
  /** It has been said that listening fails. */
  #isRetrying = false;

  constructor(link: RedisClient, config: FleetConfig) {
    this.#link = link;
    this.#config = config;
  }

  /** The channel of all messages. */
  get channel(): string {
    return `${this.#config.prefix}messages`;
  }

  /** Whether messages are heard. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** Hears all messages from now on; returns how to stop. The first to listen subscribes. */
  listen(listener: (message: string) => void): () => void {
    this.#listeners.add(listener);
    this.#subscription ??= this.#subscribe();
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Tells all instances, as far as they can be reached. */
  tell(message: string): void {
    this.#link.send(['PUBLISH', this.channel, message], ignored).catch(ignored);
  }

  /** Hears nothing any more. */
  async close(): Promise<void> {
    this.#listeners.clear();
    this.#isListening = false;
    this.#isClosed = true;
    const stop = async (): Promise<void> => (await this.#subscription)?.();
    try {
      // One that has not begun to listen by then stops as soon as it has.
      await withTimeout(UNSUBSCRIBE_MS, stop);
    } catch (error) {
      this.#config.logger.warn({ err: error }, 'mcpo: listening to other instances could not be ended');
    }
  }

  async #subscribe(): Promise<Unsubscribe | undefined> {
    const { subscribe, logger } = this.#config;
    if (!subscribe) return undefined;
    try {
      const unsubscribe = await subscribe(this.channel, (message) => {
        for (const listener of [...this.#listeners]) listener(message.toString());
      });
      this.#isListening = !this.#isClosed;
      return unsubscribe;
    } catch (error) {
      if (!this.#isRetrying) {
        logger.warn({ err: error }, 'mcpo: messages of other instances cannot be heard: Redis is asked more often');
      }
      this.#isRetrying = true;
      setTimeout(() => {
        if (!this.#isClosed) this.#subscription = this.#subscribe();
      }, SUBSCRIBE_AGAIN_MS).unref();
      return undefined;
    }
  }
}
