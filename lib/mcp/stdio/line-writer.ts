import type { Writable } from 'node:stream';

/**
 * Writes JSON, one value a line. What is written in one turn of the event loop goes out in one piece: each write by
 * itself would be a system call, and wake the other side.
 */
export class LineWriter {
  readonly #stream: Writable;
  #drained: Promise<void> | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Whether anything can be written still. */
  get writable(): boolean {
    return this.#stream.writable;
  }

  /** Resolves when the other side can take more, or takes nothing any more. */
  async write(value: unknown): Promise<void> {
    const stream = this.#stream;
    if (stream.writableCorked === 0) {
      stream.cork();
      setImmediate(() => {
        stream.uncork();
      });
    }
    if (stream.write(`${JSON.stringify(value)}\n`)) return;
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
