import type { Transform } from 'node:stream';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import type { Dispatcher } from 'undici';
import type { Cancellation } from '../util/cancellation';

// The limit of unread data in a web stream.
const MAX_UNREAD_BYTES = 64 * 1_048_576;

// A header that counts once, however often it is given.
const SINGLE = new Set(['content-encoding', 'content-type']);
const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createUnzip,
  'x-gzip': createUnzip,
  deflate: createUnzip,
  br: createBrotliDecompress,
};

interface Reader {
  onData(chunk: Buffer): void;
  onEnd(): void;
}

/** Called when the headers of a response have arrived, or with an error. */
type OnHeaders = (error: Error | undefined) => void;

/**
 * The response to an HTTP request: first the headers, then the body. Data that arrives before it is read is buffered, without
 * backpressure: if a paused connection is reset, an assertion of undici fails and ends the process.
 */
export class HttpResponse implements Dispatcher.DispatchHandlers {
  status = 0;
  statusText = '';
  /** By their lower-case names. */
  readonly headers = new Map<string, string>();
  readonly #signal: Cancellation;
  readonly #onHeaders: OnHeaders;
  #abort: ((reason?: Error) => void) | undefined;
  #unread: Buffer[] = [];
  #reader: Reader | undefined;
  #onFirst: (() => void) | undefined;
  #isOver = false;
  #error: Error | undefined;
  #createDecoder: (() => Transform) | undefined;
  #decoder: Transform | undefined;

  /** @param signal - aborts the response with its reason */
  constructor(signal: Cancellation, onHeaders: OnHeaders) {
    this.#signal = signal;
    this.#onHeaders = onHeaders;
    signal.addEventListener('abort', () => this.cancel(signal.reason as Error), { once: true });
  }

  /** Reads the body to its end. If `onData` throws, the response is aborted. Rejects with a TypeError, like `fetch`, if it is cut off. */
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

  /** The first bytes of the body, without consuming them; `undefined` for an empty body. */
  async first(): Promise<Buffer | undefined> {
    if (this.#unread.length === 0 && !this.#isOver) await new Promise<void>((resolve) => (this.#onFirst = resolve));
    return this.#unread[0];
  }

  /**
   * The body as a web stream, which must be read without delay.
   *
   * @param onData - if it throws, the response is aborted
   * @param onEnd - called at the end, successful or not
   */
  stream(onData: (chunk: Buffer) => void, onEnd: () => void): ReadableStream<Uint8Array> {
    let isCancelled = false;
    const start = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      const pass = (chunk: Buffer): void => {
        if (isCancelled) return;
        onData(chunk);
        controller.enqueue(chunk);
        if ((controller.desiredSize ?? 0) < 0) throw new Error('the response of the MCP server is not being read');
      };
      const close = (): void => {
        if (!isCancelled) controller.close();
      };
      // After a cancellation the controller ignores errors.
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

  /** Aborts the response. After its end this has no effect on the connection. */
  cancel(reason = new Error('the response is not needed')): void {
    this.#abort?.(reason);
    this.onError(reason);
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort;
    if (this.#isOver) abort(this.#error);
  }

  onHeaders(status: number, raw: Buffer[], _resume: () => void, statusText: string): boolean {
    // 103 and the like: the final headers follow.
    if (status < 200) return true;
    this.status = status;
    // undici decodes it as UTF-8, the web as latin1.
    this.statusText = Buffer.from(statusText).toString('latin1');
    for (let place = 0; place + 1 < raw.length; place += 2) {
      const [field, value] = raw.slice(place, place + 2).map((bytes) => bytes.toString('latin1')) as [string, string];
      const name = field.toLowerCase();
      const known = this.headers.get(name);
      if (known !== undefined && SINGLE.has(name)) continue;
      this.headers.set(name, known === undefined ? value : `${known}, ${value}`);
    }
    this.#createDecoder = DECODERS[this.headers.get('content-encoding')?.trim().toLowerCase() ?? ''];
    if (this.#createDecoder) this.headers.delete('content-encoding');
    this.#onHeaders(undefined);
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#createDecoder) (this.#decoder ??= this.#decoderOf(this.#createDecoder())).write(chunk);
    // undici calls onError() with what this throws.
    else this.#receive(chunk);
    return true;
  }

  onComplete(): void {
    if (this.#decoder) this.#decoder.end();
    else this.#end(undefined);
  }

  onError(error: Error): void {
    this.#end(error);
  }

  /** Some servers compress although `accept-encoding` says `identity`. */
  #decoderOf(decoder: Transform): Transform {
    decoder.on('data', (chunk: Buffer) => {
      try {
        if (!this.#isOver) this.#receive(chunk);
      } catch (error) {
        this.cancel(error as Error);
      }
    });
    decoder.on('error', (error) => this.cancel(error));
    decoder.on('end', () => this.#end(undefined));
    return decoder;
  }

  #receive(chunk: Buffer): void {
    if (this.#reader) this.#reader.onData(chunk);
    else this.#unread.push(chunk);
    this.#onFirst?.();
  }

  #end(cause: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#decoder?.destroy();
    this.#error = cause && this.#brokenOff(cause);
    if (this.status === 0) this.#onHeaders(this.#error);
    this.#reader?.onEnd();
    this.#onFirst?.();
  }

  #brokenOff(cause: Error): Error {
    const { aborted, reason } = this.#signal;
    if (aborted) return reason as Error;
    return new TypeError(this.status === 0 ? 'fetch failed' : 'terminated', { cause });
  }
}
