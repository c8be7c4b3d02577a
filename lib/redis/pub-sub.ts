import { withTimeout } from '../util/timeout';
import type { RedisClient } from './client';
import type { FleetConfig } from './options';
import { ignored } from './reply';

/** The time before another attempt to subscribe. */
const SUBSCRIBE_AGAIN_MS = 1_000;
/** How long close() waits for the host to unsubscribe. */
const UNSUBSCRIBE_MS = 500;

type Unsubscribe = () => Promise<void> | void;

/** Messages between instances. They may be lost: they only make things faster. */
export class PubSub {
  readonly #client: RedisClient;
  readonly #config: FleetConfig;
  readonly #listeners = new Set<(message: string) => void>();
  #subscription: Promise<Unsubscribe | undefined> | undefined;
  #isListening = false;
  #isClosed = false;
  /** Whether a failure has been logged. */
  #isRetrying = false;

  constructor(client: RedisClient, config: FleetConfig) {
    this.#client = client;
    this.#config = config;
  }

  get channel(): string {
    return `${this.#config.prefix}messages`;
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  /** Adds a listener to all messages; returns a function that removes it. The first listener subscribes. */
  listen(listener: (message: string) => void): () => void {
    this.#listeners.add(listener);
    this.#subscription ??= this.#subscribe();
    return () => this.#listeners.delete(listener);
  }

  /** Sends a message to all instances, as far as possible. */
  publish(message: string): void {
    this.#client.send(['PUBLISH', this.channel, message], ignored).catch(ignored);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#isListening = false;
    this.#isClosed = true;
    const unsubscribe = async (): Promise<void> => (await this.#subscription)?.();
    try {
      const late = (): Error => new Error(`unsubscribe did not end within ${UNSUBSCRIBE_MS} ms`);
      await withTimeout(unsubscribe(), UNSUBSCRIBE_MS, late);
    } catch (error) {
      this.#config.logger.warn({ err: error }, 'mcpo: unsubscribing from messages of other instances failed');
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
        logger.warn({ err: error }, 'mcpo: subscribing to messages of other instances failed: Redis is polled instead');
      }
      this.#isRetrying = true;
      setTimeout(() => {
        if (!this.#isClosed) this.#subscription = this.#subscribe();
      }, SUBSCRIBE_AGAIN_MS).unref();
      return undefined;
    }
  }
}
