import { type Socket, connect } from 'node:net';
import { until } from '../deferred';
import { type Told, toldBy } from './told';

/** A client that writes bytes as it likes, over one connection. */
export class RawClient {
  readonly #socket: Socket;
  #received = '';
  #isClosed = false;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect(Number(port), hostname);
    this.#socket.setEncoding('latin1').on('data', (chunk: string) => (this.#received += chunk));
    this.#socket.on('close', () => (this.#isClosed = true)).on('error', () => undefined);
  }

  write(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  /** Writes a byte at a time. */
  async writeSlowly(text: string, pauseMs: number): Promise<void> {
    for (const byte of text) {
      this.write(byte);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** Waits until all has been given to the system. */
  async drained(): Promise<void> {
    await until(() => !this.#socket.connecting && this.#socket.writableLength === 0);
  }

  /** Reads no more until it leaves. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Leaves without a word, as a process does that is killed. */
  leave(): void {
    this.#socket.resetAndDestroy();
  }

  /** What it has been answered, when there are so many answers or nothing more will come. */
  async answers(count: number): Promise<readonly Told[]> {
    await until(() => parse(this.#received).length >= count || this.#isClosed, 20_000);
    return parse(this.#received);
  }

  /** The only answer; its connection is ended. */
  async answer(): Promise<Told> {
    const [told = { status: 'none' }] = await this.answers(1);
    this.#socket.destroy();
    return told;
  }
}

/** The whole answers in what has been received; one without a length has a body up to its end. */
function parse(received: string): readonly Told[] {
  const told: Told[] = [];
  let rest = received;
  for (;;) {
    const [head] = rest.split('\r\n\r\n', 1);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(rest)?.[1]);
    const start = (head?.length ?? 0) + 4;
    const length = Number(/^content-length: (\d+)/im.exec(head ?? '')?.[1] ?? rest.length - start);
    if (!(status > 0) || start + length > rest.length) return told;
    told.push(toldBy({ status, body: rest.slice(start, start + length) }));
    rest = rest.slice(start + length);
  }
}
