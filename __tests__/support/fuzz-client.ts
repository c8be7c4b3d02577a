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

/** Makes requests over connections that are kept. */
export class FuzzClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  readonly #base: URL;
  #answered = 0;

  constructor(url: string) {
    this.#base = new URL(url);
  }

  /** How many requests have been answered. */
  get answered(): number {
    return this.#answered;
  }

  /** Rejects when there is no whole answer in bounded time. */
  send({ path, method = 'POST', headers, body }: FuzzRequest): Promise<FuzzAnswer> {
    const { hostname, port, pathname } = this.#base;
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, hostname, port, method, path: pathname.replace(/\/$/, '') + path };
      const req = request({ ...options, headers: { 'content-type': 'application/json', ...headers } }, (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.once('error', reject);
        res.once('end', () => {
          this.#answered += 1;
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
