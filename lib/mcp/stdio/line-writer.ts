import type { Writable } from 'node:stream';
import { stringifyJson } from '../../util/exact-json';

/**
 * Writes JSON values, one per line. All writes of one turn of the event loop are sent together: separate writes are separate
 * system calls that each wake the reader.
 */
export class LineWriter {
  readonly #stream: Writable;
  #drained: Promise<void> | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  get writable(): boolean {
    return this.#stream.writable;
  }

  /** Writes a value; resolves when the stream can take more, or has closed. */
  async write(value: unknown): Promise<void> {
    const stream = this.#stream;
    if (stream.writableCorked === 0) {
      stream.cork();
      setImmediate(() => stream.uncork());
    }
    if (stream.write(`${stringifyJson(value)}\n`)) return;
    this.#drained ??= new Promise<void>((resolve) => {
      const done = (): void => {
        stream.off('drain', done).off('close', done);
        this.#drained = undefined;
        resolve();
      };
      stream.on('drain', done).on('close', done);
    });
    await this.#drained;
  }
}
