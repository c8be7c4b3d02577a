import type { Link } from './link';
import type { FleetConfig } from './options';
import { ignored } from './reply';

/** What instances tell each other. A message may be lost: none is needed for an answer to be right, or to come. */
export class Hub {
  readonly #link: Link;
  readonly #config: FleetConfig;
  readonly #listeners = new Set<(message: string) => void>();
  #subscription: Promise<(() => Promise<void> | void) | undefined> | undefined;
  #isListening = false;

  constructor(link: Link, config: FleetConfig) {
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
    const unsubscribe = await this.#subscription;
    await unsubscribe?.();
  }

  async #subscribe(): Promise<(() => Promise<void> | void) | undefined> {
    const { subscribe, logger } = this.#config;
    if (!subscribe) return undefined;
    try {
      const unsubscribe = await subscribe(this.channel, (message) => {
        for (const listener of [...this.#listeners]) listener(message.toString());
      });
      this.#isListening = true;
      return unsubscribe;
    } catch (error) {
      logger.warn({ err: error }, 'mcpo: messages of other instances cannot be heard: Redis is asked more often');
      return undefined;
    }
  }
}
