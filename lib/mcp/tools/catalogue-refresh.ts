import { messageOf } from '../../util/listeners';
import type { Logger } from '../../util/logger';
import { withTimeout } from '../../util/timeout';
import type { Connection } from '../session/connection';
import type { ToolDefinition } from './tool';

/** A younger list is not read again only because a call does not fit it. */
const FRESH_MS = 5_000;
/** The pause after a change was announced right after a reading; it doubles while that goes on. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

interface Replaceable {
  replace(definitions: readonly ToolDefinition[]): void;
}

/** Keeps a catalogue up to date: reads the server's list when it may have changed, but not too often. */
export class CatalogueRefresh {
  readonly #server: string;
  readonly #catalogue: Replaceable;
  readonly #logger: Logger;
  #hasNone = false;
  /** When the reading of the current list began. */
  #readAt = -Infinity;
  #renewedAt = -Infinity;
  #renewal: Promise<void> | undefined;
  #pauseMs = 0;
  /** When a reading because of an announcement last began or ended. */
  #followedAt = -Infinity;
  #announced: NodeJS.Timeout | undefined;

  constructor(server: string, catalogue: Replaceable, logger: Logger) {
    this.#server = server;
    this.#catalogue = catalogue;
    this.#logger = logger;
  }

  /** Reads the list over a connection. Rejects if that fails. */
  async read(connection: Connection): Promise<void> {
    const begunAt = performance.now();
    const definitions = await connection.listTools();
    // A reading that began later may have ended before.
    if (begunAt < this.#readAt) return;
    this.#readAt = begunAt;
    if (!definitions && !this.#hasNone) {
      this.#logger.info(`mcpo: server ${this.#server}: has no tools: it does not know tools/list`);
    }
    this.#hasNone = !definitions;
    this.#catalogue.replace(definitions ?? []);
  }

  /**
   * Reads a list older than 5 s again, once for all who wait and at most once in 5 s. Resolves within 5 s, whether it could be
   * read or not.
   *
   * @param read - reads it over any connection
   */
  async renew(read: () => Promise<void>): Promise<void> {
    if (!this.#renewal) {
      const now = performance.now();
      if (now - Math.max(this.#readAt, this.#renewedAt) < FRESH_MS) return;
      this.#renewedAt = now;
      this.#renewal = read()
        .catch((error: unknown) => this.#notRead(error))
        .finally(() => (this.#renewal = undefined));
    }
    await withTimeout(this.#renewal, FRESH_MS, () => new Error('late')).catch(() => undefined);
  }

  /** Reads the list again when the server announces a change over this connection. */
  follow(connection: Connection): void {
    connection.onToolsChanged(() => {
      if (this.#announced) return;
      // A server may announce a change after each reading.
      const isQuiet = performance.now() - this.#followedAt > 2 * this.#pauseMs + FIRST_PAUSE_MS;
      this.#pauseMs = isQuiet ? 0 : Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, 2 * this.#pauseMs));
      this.#announced = setTimeout(() => void this.#readAnnounced(connection), this.#pauseMs).unref();
    });
  }

  /** Reads no more because of announcements. */
  stop(): void {
    clearTimeout(this.#announced);
  }

  async #readAnnounced(connection: Connection): Promise<void> {
    this.#announced = undefined;
    this.#followedAt = performance.now();
    await this.read(connection).catch((error: unknown) => this.#notRead(error));
    this.#followedAt = performance.now();
  }

  #notRead(error: unknown): void {
    this.#logger.warn(`mcpo: server ${this.#server}: its list of tools cannot be read again: ${messageOf(error)}`);
  }
}
