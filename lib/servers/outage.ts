import type { Logger } from '../util/logger';

const REMIND_MS = 600_000;

/** Logs that a server cannot be reached: at once, when the reason changes, every ten minutes, and when it is back. */
export class OutageLog {
  readonly #server: string;
  readonly #logger: Logger;
  #reason: string | undefined;
  #toldAt = -Infinity;

  constructor(server: string, logger: Logger) {
    this.#server = server;
    this.#logger = logger;
  }

  failed(reason: string): void {
    const now = performance.now();
    if (reason === this.#reason && now - this.#toldAt < REMIND_MS) return;
    this.#reason = reason;
    this.#toldAt = now;
    this.#logger.warn(`mcpo: server ${this.#server}: ${reason}`);
  }

  reached(): void {
    if (this.#reason !== undefined) this.#logger.info(`mcpo: server ${this.#server}: is reached again`);
    this.#reason = undefined;
  }
}
