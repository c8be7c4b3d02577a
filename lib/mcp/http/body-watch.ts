const MAX_MESSAGE_BYTES = 64 * 1_048_576;

/** Looks at a body as it comes: whether it holds an event id by which it can be taken up again, and no message too long. */
export class BodyWatch {
  isResumable = false;
  #hasId = false;
  readonly #isStream: boolean;
  #size = 0;
  // The end of what has come, since the network may cut it anywhere.
  #tail = '\n';

  constructor(isStream: boolean) {
    this.#isStream = isStream;
  }

  /** @throws Error for a message of more than 64 MiB */
  look(chunk: Buffer): void {
    this.#size += chunk.byteLength;
    if (this.#isStream) {
      const text = this.#tail + chunk.toString('latin1');
      this.#tail = text.slice(-6);
      const isWhole = /\n\n|\r\r|\r\n\r\n/.test(text);
      // The SDK takes up again what has told an id in an event that came whole.
      this.isResumable ||= (this.#hasId && isWhole) || /[\r\n]id: ?\S[^]*?(?:\n\n|\r\r|\r\n\r\n)/.test(text);
      this.#hasId ||= /[\r\n]id: ?\S/.test(text);
      if (isWhole) this.#size = 0;
    }
    if (this.#size > MAX_MESSAGE_BYTES) throw new Error('the MCP server sends a message of more than 64 MiB');
  }
}
