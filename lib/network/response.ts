import type { Dispatcher } from 'undici';
import type { Cancellation } from '../util/cancellation';

// As much as may come that nobody has read.
const MAX_UNREAD_BYTES = 64 * 1_048_576;

interface Reader {
  onData(chunk: Buffer): void;
  onEnd(): void;
}

/** Told when the head of a response is there, or that none will come. */
type OnHead = (error: Error | undefined) => void;

/**
 * The response to an HTTP request, as undici hands it over: first the head, then the body. What comes of the body before
 * somebody reads it is kept; it is never held back, as undici fails an assertion, and with it the process, where a
 * connection is reset that stands still.
 */
export class HttpResponse implements Dispatcher.DispatchHandlers {
  status = 0;
  statusText = '';
  /** By their lower-case names. */
  readonly headers = new Map<string, string>();
  readonly #signal: Cancellation;
  readonly #onHead: OnHead;
  #abort: ((reason?: Error) => void) | undefined;
  #unread: Buffer[] = [];
  #reader: Reader | undefined;
  #onFirst: (() => void) | undefined;
  #isOver = false;
  #error: Error | undefined;

  /** @param signal - ends it, with its reason */
  constructor(signal: Cancellation, onHead: OnHead) {
    this.#signal = signal;
    this.#onHead = onHead;
    signal.addEventListener('abort', () => this.cancel(signal.reason as Error), { once: true });
  }

  /** Reads the body to its end. What `onData` throws ends it; rejects with a TypeError as `fetch` does when it is cut off. */
  async read(onData: (chunk: Buffer) => void): Promise<void> {
    try {
      for (const chunk of this.#unread.splice(0)) onData(chunk);
    } catch (error) {
      this.cancel(error as Error);
      throw this.#brokenOff(error as Error);
    }
    if (!this.#isOver) await new Promise<void>((onEnd) => (this.#reader = { onData, onEnd }));
    if (this.#error) throw this.#error;
  }

  /** The first bytes of the body, which stay to be read; `undefined` when it ends before there are any. */
  async first(): Promise<Buffer | undefined> {
    if (this.#unread.length === 0 && !this.#isOver) await new Promise<void>((resolve) => (this.#onFirst = resolve));
    return this.#unread[0];
  }

  /**
   * The body as the web's streams have it, to be read without delay.
   *
   * @param onData - what it throws ends the body
   * @param onEnd - told of the end, whatever it is
   */
  stream(onData: (chunk: Buffer) => void, onEnd: () => void): ReadableStream<Uint8Array> {
    let isCancelled = false;
    const start = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      const pass = (chunk: Buffer): void => {
        if (isCancelled) return;
        onData(chunk);
        controller.enqueue(chunk);
        if ((controller.desiredSize ?? 0) < 0) throw new Error('nobody reads what the MCP server sends');
      };
      const close = (): void => {
        if (!isCancelled) controller.close();
      };
      // After a cancellation the controller takes no notice of an error.
      void this.read(pass)
        .then(close, (error: unknown) => controller.error(error))
        .finally(onEnd);
    };
    const cancel = (): void => {
      isCancelled = true;
      this.cancel();
    };
    return new ReadableStream({ start, cancel }, new ByteLengthQueuingStrategy({ highWaterMark: MAX_UNREAD_BYTES }));
  }

  /** Takes no more of it. Of what has come to its end, the connection is good for more. */
  cancel(reason = new Error('the response is not wanted')): void {
    this.#abort?.(reason);
    this.onError(reason);
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort;
    if (this.#isOver) abort(this.#error);
  }

  onHeaders(status: number, raw: Buffer[], _resume: () => void, statusText: string): boolean {
    // 103 and the like: there is another head to come.
    if (status < 200) return true;
    this.status = status;
    // undici takes it for UTF-8, and the web for bytes.
    this.statusText = Buffer.from(statusText).toString('latin1');
    for (let place = 0; place + 1 < raw.length; place += 2) {
      const [field, value] = raw.slice(place, place + 2).map((bytes) => bytes.toString('latin1')) as [string, string];
      const name = field.toLowerCase();
      const known = this.headers.get(name);
      this.headers.set(name, known === undefined ? value : `${known}, ${value}`);
    }
    this.#onHead(undefined);
    return true;
  }

  onData(chunk: Buffer): boolean {
    // What it throws comes back as onError().
    if (this.#reader) this.#reader.onData(chunk);
    else this.#unread.push(chunk);
    this.#onFirst?.();
    return true;
  }

  onComplete(): void {
    this.#end(undefined);
  }

  onError(error: Error): void {
    this.#end(error);
  }

  #end(cause: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = cause && this.#brokenOff(cause);
    if (this.status === 0) this.#onHead(this.#error);
    this.#reader?.onEnd();
    this.#onFirst?.();
  }

  #brokenOff(cause: Error): Error {
    const { aborted, reason } = this.#signal;
    if (aborted) return reason as Error;
    return new TypeError(this.status === 0 ? 'fetch failed' : 'terminated', { cause });
  }
}
