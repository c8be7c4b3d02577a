import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** What a caller was answered, as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Calls tools over HTTP at little cost, since it shares the machine with what is measured. */
export class LightClient {
  readonly #agent = new Agent({ keepAlive: true });

  /** Calls a tool. */
  async post(url: string, args: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
    const body = JSON.stringify(args);
    return new Promise((resolve, reject) => {
      const all = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers };
      const req = request(url, { method: 'POST', agent: this.#agent, headers: all }, (res) => {
        text(res).then((answer) => {
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body: answer });
        }, reject);
      });
      req.on('error', reject).end(body);
    });
  }

  /** Ends its connections, and calls that are under way. */
  close(): void {
    this.#agent.destroy();
  }
}

/** Calls that go on and on: each caller makes the next one as soon as it has its answer. */
export class Load {
  readonly #onAnswer = new Set<() => void>();
  readonly #callers: readonly Promise<void>[];
  #stopped = false;

  constructor(callers: number, call: () => Promise<void>) {
    this.#callers = Array.from({ length: callers }, async () => {
      while (!this.#stopped) {
        await call();
        for (const listener of this.#onAnswer) listener();
      }
    });
  }

  /** Answers a second, from one answer to that so many later. */
  async rate(answers: number): Promise<number> {
    await this.#answers(1);
    const begun = performance.now();
    await this.#answers(answers);
    return (answers / (performance.now() - begun)) * 1_000;
  }

  /** Ends when each caller has its last answer. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  /** Fails when a call does. */
  async #answers(count: number): Promise<void> {
    let left = count;
    let listener = (): void => undefined;
    const answered = new Promise<void>((resolve) => {
      listener = () => {
        left -= 1;
        if (left === 0) resolve();
      };
    });
    this.#onAnswer.add(listener);
    await Promise.race([answered, Promise.all(this.#callers)]);
    this.#onAnswer.delete(listener);
  }
}

/** Makes `count` calls, so many callers at a time; answers a second. */
export async function callMany(count: number, callers: number, call: (n: number) => Promise<void>): Promise<number> {
  let next = 0;
  const begun = performance.now();
  const caller = async (): Promise<void> => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return (count / (performance.now() - begun)) * 1_000;
}
