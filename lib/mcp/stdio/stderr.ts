import type { Readable } from 'node:stream';
import type { Logger } from '../../util/logger';

const TAIL_CHARACTERS = 2_000;
const MAX_CHUNK = 4_000;
const BYTES_PER_SECOND = 64 * 1024;

/** Reads a child's standard error: logs it at debug, at a bounded rate, and keeps its end. */
export class Stderr {
  #tail = '';
  #budget = BYTES_PER_SECOND;
  #refilled = Date.now();

  constructor(stream: Readable, logger: Logger, name: string) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      this.#tail = (this.#tail + chunk).slice(-TAIL_CHARACTERS);
      if (this.#mayLog(chunk.length)) logger.debug(`mcpo: stderr of ${name}: ${chunk.slice(0, MAX_CHUNK).trimEnd()}`);
    });
    stream.on('error', () => undefined); // the end of the child is handled elsewhere
  }

  get tail(): string {
    return this.#tail.trim();
  }

  #mayLog(size: number): boolean {
    const now = Date.now();
    this.#budget = Math.min(BYTES_PER_SECOND, this.#budget + ((now - this.#refilled) / 1_000) * BYTES_PER_SECOND);
    this.#refilled = now;
    if (this.#budget <= 0) return false;
    this.#budget -= size;
    return true;
  }
}
