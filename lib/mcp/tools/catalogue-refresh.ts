import type { ToolDefinition } from './tool';
import type { Connection } from '../session/connection';
import type { Logger } from '../../util/logger';

interface Replaceable {
  replace(definitions: readonly ToolDefinition[]): void;
}

/** Keeps a catalogue up to date: reads the list, one reading at a time, again if it changes meanwhile. */
export class CatalogueRefresh {
  readonly #server: string;
  readonly #catalogue: Replaceable;
  readonly #logger: Logger;
  #reading: Promise<void> | undefined;
  #hasNone = false;
  #changed: Connection | undefined;

  constructor(server: string, catalogue: Replaceable, logger: Logger) {
    this.#server = server;
    this.#catalogue = catalogue;
    this.#logger = logger;
  }

  /** Reads the list over a connection. Rejects if that fails. */
  async read(connection: Connection): Promise<void> {
    const definitions = await connection.listTools();
    if (!definitions && !this.#hasNone) {
      this.#logger.info(`mcpo: server ${this.#server}: has no tools: it does not know tools/list`);
    }
    this.#hasNone = !definitions;
    this.#catalogue.replace(definitions ?? []);
  }

  /** Reads the list again whenever the server announces a change over this connection. */
  follow(connection: Connection): void {
    connection.onToolsChanged(() => void this.#reread(connection));
  }

  async #reread(connection: Connection): Promise<void> {
    if (this.#reading) {
      this.#changed = connection;
      return;
    }
    this.#reading = this.read(connection).catch((error: unknown) => {
      this.#logger.warn(`mcpo: server ${this.#server}: its changed list of tools cannot be read: ${String(error)}`);
    });
    await this.#reading;
    this.#reading = undefined;
    const changed = this.#changed;
    this.#changed = undefined;
    if (changed) await this.#reread(changed);
  }
}
