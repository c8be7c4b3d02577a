import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';

/** What came back. */
export interface FuzzAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request, down to the bytes of its body. */
export interface FuzzRequest {
  readonly path: string;
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

const ANSWER_MS = 20_000;
/** Node's server closes a connection that has been idle for five seconds. */
const IDLE_MS = 4_000;

/** Makes requests over connections that are kept. */
export class FuzzClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  readonly #base: URL;
  #answered = 0;
  #latest = performance.now();

  constructor(url: string) {
    this.#base = new URL(url);
  }

  /** How many requests have been answered. */
  get answered(): number {
    return this.#answered;
  }

  /** Rejects when there is no whole answer in bounded time. */
  async send(fuzzed: FuzzRequest): Promise<FuzzAnswer> {
    const before = this.#latest;
    try {
      return await this.#sendOnce(fuzzed);
    } catch (error) {
      // Where the machine has stopped us for a while, the server closes what we are about to use again.
      if (performance.now() - before < IDLE_MS || (error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
      return this.#sendOnce(fuzzed);
    }
  }

  #sendOnce({ path, method = 'POST', headers, body }: FuzzRequest): Promise<FuzzAnswer> {
    const { hostname, port, pathname } = this.#base;
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, hostname, port, method, path: pathname.replace(/\/$/, '') + path };
      const req = request({ ...options, headers: { 'content-type': 'application/json', ...headers } }, (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.once('error', reject);
        res.once('end', () => {
          this.#answered += 1;
          this.#latest = performance.now();
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks) });
        });
      });
      req.setTimeout(ANSWER_MS, () => req.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
      req.once('error', reject);
      // With a text Node would send the headers in UTF-8 too.
      req.end(typeof body === 'string' ? Buffer.from(body) : body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
