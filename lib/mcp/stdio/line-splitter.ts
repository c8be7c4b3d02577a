const LINE_FEED = 0x0a;
/** What is kept of each end of a line that is too long. */
const EDGE_BYTES = 1_024;

/** Both ends of a line that is too long, in latin1. */
export interface LineEdges {
  readonly head: string;
  readonly tail: string;
}

/** Splits a byte stream into lines, without copying complete ones, in bounded memory. A line that is too long is skipped. */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #onSkipped: (line: LineEdges) => void;
  #parts: Buffer[] = [];
  #size = 0;
  /** The ends of the line that is being skipped. */
  #skipped: { readonly head: Buffer; tail: Buffer } | undefined;

  /**
   * @param maxBytes - the maximum length of a line
   * @param onSkipped - called at the end of a line that is longer
   */
  constructor(maxBytes: number, onSkipped: (line: LineEdges) => void) {
    this.#maxBytes = maxBytes;
    this.#onSkipped = onSkipped;
  }

  /** How many bytes are held of a line that is not complete. */
  get held(): number {
    return this.#size;
  }

  /** Adds a chunk and returns the lines that it completes. */
  *push(chunk: Buffer): Generator<string> {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      start = end + 1;
      if (line) yield line.toString();
    }
    if (start < chunk.length) this.#add(chunk.subarray(start));
  }

  /** Skips the rest of the line that is not complete. */
  skip(): void {
    if (this.#size === 0) return;
    const head = Buffer.concat(this.#parts, Math.min(this.#size, EDGE_BYTES));
    let tail: Buffer = Buffer.alloc(0);
    for (let part = this.#parts.pop(); part && tail.length < EDGE_BYTES; part = this.#parts.pop()) {
      tail = Buffer.concat([part.subarray(-EDGE_BYTES), tail]);
    }
    this.#clear();
    this.#skipped = { head, tail: tail.subarray(-EDGE_BYTES) };
  }

  /** `undefined` for a line that has been skipped. */
  #complete(rest: Buffer): Buffer | undefined {
    if (this.#parts.length === 0 && !this.#skipped && rest.length <= this.#maxBytes) return rest;
    this.#add(rest);
    if (this.#skipped) {
      const { head, tail } = this.#skipped;
      this.#skipped = undefined;
      this.#onSkipped({ head: head.toString('latin1'), tail: tail.toString('latin1') });
      return undefined;
    }
    const line = Buffer.concat(this.#parts, this.#size);
    this.#clear();
    return line;
  }

  #add(part: Buffer): void {
    if (this.#skipped) {
      this.#skipped.tail = Buffer.concat([this.#skipped.tail, part.subarray(-EDGE_BYTES)]).subarray(-EDGE_BYTES);
      return;
    }
    this.#parts.push(part);
    this.#size += part.length;
    if (this.#size > this.#maxBytes) this.skip();
  }

  #clear(): void {
    this.#parts = [];
    this.#size = 0;
  }
}
