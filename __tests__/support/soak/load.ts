import { LightClient } from '../callers';
import { RawClient } from '../faults/raw-client';
import { toldBy } from '../faults/told';
import { Steady } from '../steady';
import { faultyServer } from './faulty-server';

/** What the load is told: for how long, and how much of it. */
export interface Task {
  readonly url: string;
  readonly seconds: number;
  /** Calls a second of the tool that works, and how long each takes. */
  readonly perSecond: number;
  readonly workMs: number;
}

/** What has come of it. */
export interface Outcome {
  readonly sent: number;
  /** How often each kind of call was answered in each way, as `kind status code`. */
  readonly answers: Readonly<Record<string, number>>;
  /** Answers that must not be, the first of them. */
  readonly wrong: readonly string[];
}

interface Kind {
  readonly name: string;
  /** A second, as others are in proportion. */
  readonly perSecond: number;
  /** Makes the call with this number. */
  readonly call: (url: string, number: number) => Promise<string>;
  /** What it may be answered. */
  readonly may: RegExp;
}

const client = new LightClient();
const QUEUE = /^503 MCPO_QUEUE_(?:FULL|TIMEOUT)$/;
const either = (...patterns: readonly RegExp[]): RegExp => new RegExp(patterns.map(({ source }) => source).join('|'));
/** A server that other calls make crash, that cannot be reached for a moment, or is late on a busy machine. */
const DOWN = either(
  QUEUE,
  /^502 MCPO_CONNECTION_LOST$/,
  /^504 MCPO_TIMEOUT$/,
  /^503 MCPO_(?:SERVER_DOWN|BREAKER_OPEN|POOL_EXHAUSTED)$/,
);

async function post(url: string, args: object): Promise<string> {
  const { status, code } = toldBy(await client.post(url, args));
  return code === undefined ? String(status) : `${status} ${code}`;
}

const tool = (name: string, perSecond: number, may: RegExp, args: object = {}): Kind => ({
  name,
  perSecond,
  may,
  call: (url) => post(`${url}/${name}`, args),
});

/** Sends bytes and leaves after a while. */
const leaver = (name: string, perSecond: number, text: string): Kind => ({
  name,
  perSecond,
  may: /^left$/,
  async call(url) {
    const raw = new RawClient(url);
    raw.write(text);
    await new Promise((resolve) => setTimeout(resolve, 60));
    raw.leave();
    return 'left';
  },
});

const head = (path: string, length: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

const WAIT = '{"text":"x","ms":200}';

/** Faults and other traffic beside the work. */
const KINDS: readonly Kind[] = [
  {
    name: 'docs/echo',
    perSecond: 30,
    may: either(/^200$/, QUEUE),
    call: (url, number) => post(`${url}/docs/echo`, { text: String(number % 300) }),
  },
  tool('flaky/echo', 6, either(/^200$/, DOWN), { text: 'x' }),
  tool('flaky/die', 1, DOWN),
  tool('flaky/hang', 1, DOWN),
  tool('flaky/late', 1, DOWN, { text: 'x', ms: 1_300 }),
  tool('flaky/verbatim', 2, either(/^502 MCPO_BAD_RESPONSE$/, DOWN), {
    text: '{"jsonrpc":"2.0","id":"ID","result":{"content":1}}',
  }),
  tool('flaky/rubbish', 2, either(/^200$/, DOWN), { lines: ['?', '{'] }),
  tool('flaky/big', 1, either(/^200$/, DOWN), { megabytes: 1 }),
  tool('flaky/flood', 1, either(/^200$/, DOWN), { megabytes: 2 }),
  tool('web/good', 6, either(/^200$/, DOWN)),
  tool('web/reset', 2, DOWN),
  tool('web/cut', 2, DOWN),
  tool('web/fail', 2, either(/^502 MCPO_BAD_RESPONSE$/, DOWN)),
  tool('web/silent', 1, DOWN),
  tool('work/no-such-tool', 3, /^404 MCPO_UNKNOWN_TOOL$/),
  leaver('leaves during its call', 3, head('/work/late', WAIT.length) + WAIT),
  leaver('leaves in its body', 2, `${head('/work/late', 100)}{`),
  leaver('pipelines and leaves', 1, `${head('/work/hang', 2)}{}`.repeat(10)),
];

async function run({ url, seconds, perSecond, workMs }: Task): Promise<Outcome> {
  const answers: Record<string, number> = {};
  const wrong: string[] = [];
  let sent = 0;
  const start = ({ name, perSecond: rate, call, may }: Kind): Steady<void> =>
    new Steady(
      rate,
      async (number) => {
        sent += 1;
        const answer = await call(url, number).catch((error: unknown) => String(error));
        const line = `${name}: ${answer}`;
        answers[line] = (answers[line] ?? 0) + 1;
        if (!may.test(answer) && wrong.length < 20) wrong.push(line);
      },
      200,
    );
  const work: Kind = {
    name: 'work',
    perSecond,
    may: either(/^200$/, QUEUE),
    call: (base, number) => post(`${base}/work/late`, { text: String(number), ms: workMs }),
  };
  const running = [work, ...KINDS].map(start);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  await Promise.all(running.map((steady) => steady.end()));
  return { sent, answers, wrong };
}

/** Calls tools as it is told to; tells its parent the address of a server over HTTP that it has for them. */
async function main(): Promise<void> {
  const web = await faultyServer();
  process.on('message', (task: string) => {
    void run(JSON.parse(task) as Task).then((outcome) => process.send?.(outcome));
  });
  process.once('disconnect', () => process.exit());
  process.send?.(web);
}

void main();
