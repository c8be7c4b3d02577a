import type { Writable } from 'node:stream';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { BufferedBytes } from '../../util/buffered-bytes';
import { stringifyJson } from '../../util/exact-json';

/** The stream is given no further line while it holds this much: what it has been given cannot be taken back. */
const MAX_HANDED_OVER = 65_536;
/** From this much on, the other side takes no more calls for now. */
const MAX_UNWRITTEN_BYTES = 4 * 1_048_576;

interface QueuedLine {
  readonly id: RequestId | undefined;
  readonly text: string;
  readonly bytes: number;
  readonly done: () => void;
}

/**
 * Writes JSON-RPC messages, one per line. All writes of one turn of the event loop are sent together: separate writes are
 * separate system calls that each wake the reader. Lines wait here while the other side does not read.
 */
export class LineWriter {
  readonly #stream: Writable;
  readonly #onRoom: () => void;
  readonly #buffers: BufferedBytes;
  readonly #queue = new Set<QueuedLine>();
  #queuedBytes = 0;
  #wasFull = false;

  /** @param onRoom - called when it is no longer {@link full} */
  constructor(stream: Writable, onRoom: () => void, buffers: BufferedBytes) {
    this.#stream = stream;
    this.#onRoom = onRoom;
    this.#buffers = buffers;
    stream.on('drain', () => this.#flush());
    stream.on('close', () => {
      for (const line of this.#queue) this.#remove(line);
    });
  }

  get writable(): boolean {
    return this.#stream.writable;
  }

  /** Whether so much is unwritten that no more calls should come. */
  get full(): boolean {
    const isFull = this.#queuedBytes + this.#stream.writableLength >= MAX_UNWRITTEN_BYTES;
    this.#wasFull ||= isFull;
    return isFull;
  }

  /** Writes a message; resolves when the stream has been given it, or it has been withdrawn, or the stream has closed. */
  async write(message: JSONRPCMessage): Promise<void> {
    const text = `${stringifyJson(message)}\n`;
    if (this.#queue.size === 0 && !this.#isBlocked) {
      this.#pass(text);
      return;
    }
    const id = 'method' in message && 'id' in message ? message.id : undefined;
    const bytes = Buffer.byteLength(text);
    this.#queuedBytes += bytes;
    this.#buffers.leave(bytes);
    await new Promise<void>((done) => this.#queue.add({ id, text, bytes, done }));
  }

  /** Takes back a request that the stream has not been given yet; whether that was possible. */
  withdraw(id: RequestId): boolean {
    for (const line of this.#queue) {
      if (line.id !== id) continue;
      this.#remove(line);
      this.#checkRoom();
      return true;
    }
    return false;
  }

  get #isBlocked(): boolean {
    return this.#stream.writableNeedDrain && this.#stream.writableLength >= MAX_HANDED_OVER;
  }

  #flush(): void {
    for (const line of this.#queue) {
      if (this.#isBlocked) break;
      this.#remove(line);
      this.#pass(line.text);
    }
    this.#checkRoom();
  }

  #remove(line: QueuedLine): void {
    this.#queue.delete(line);
    this.#queuedBytes -= line.bytes;
    this.#buffers.leave(-line.bytes);
    line.done();
  }

  #pass(text: string): void {
    const stream = this.#stream;
    if (stream.writableCorked === 0) {
      stream.cork();
      setImmediate(() => stream.uncork());
    }
    stream.write(text);
  }

  #checkRoom(): void {
    if (!this.#wasFull || this.full) return;
    this.#wasFull = false;
    this.#onRoom();
  }
}
