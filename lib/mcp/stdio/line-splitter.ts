const LINE_FEED = 0x0a;

/** Splits a byte stream into lines, without copying complete ones, in bounded memory. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #size = 0;

  /** @param maxBytes - the maximum length of a line */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Adds a chunk and returns the lines that it completes.
   *
   * @throws RangeError if a line is longer than `maxBytes`
   */
  *push(chunk: Buffer): Generator<string> {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      start = end + 1;
      yield line.toString();
    }
    if (start === chunk.length) return;
    this.#grow(chunk.length - start);
    this.#parts.push(chunk.subarray(start));
  }

  #complete(rest: Buffer): Buffer {
    this.#grow(rest.length);
    const line = this.#parts.length === 0 ? rest : Buffer.concat([...this.#parts, rest], this.#size);
    this.#parts = [];
    this.#size = 0;
    return line;
  }

  #grow(bytes: number): void {
    this.#size += bytes;
    if (this.#size > this.#maxBytes) throw new RangeError(`a line is longer than ${String(this.#maxBytes)} bytes`);
  }
}
