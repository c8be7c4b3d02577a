import { children, signalTo } from '../support/own-children';
import { until } from '../support/deferred';
import { Ledger } from '../support/ledger';
import { type Answer, post } from '../support/post';
import { SEED, numbersFrom } from '../support/seed';
import { serving } from '../support/serve';
import { Steady } from '../support/steady';
import { atScale } from '../support/tier';

const KILLS = atScale(10, 60);
/** At 200 calls a second a child is killed twice a second, and on a slower machine as often as it answers. */
const CALLS_PER_SECOND = 200;
const CALLS_PER_KILL = 100;
/** What a child can take with it is less than the retries that 100 calls allow. */
const MOST_AT_A_TIME = 15;

const serve = serving();
let ledger: Ledger;
beforeEach(() => (ledger = new Ledger('light-ledger.js')));
afterEach(() => ledger.remove());

const ownChildren = (): Promise<readonly number[]> => children('light-ledger.js');

/** What has come of calls while children were killed. */
interface Slaughter {
  readonly kills: number;
  /** The answer to each call, which was made with the number of its place as `op`. */
  readonly answers: readonly Answer[];
  /** How often each has been executed. */
  readonly executions: readonly number[];
}

/** Kills a random child once for each 100 answers of a tool that takes up to 40 ms. */
async function slaughter(tool: string): Promise<Slaughter> {
  const { url, mcpo } = await serve({ servers: { ledger: ledger.server } });
  const random = numbersFrom(SEED);
  let answered = 0;
  const calls = new Steady(
    CALLS_PER_SECOND,
    (number) =>
      post(`${url}/ledger/${tool}`, { args: { op: String(number), delayMs: number % 41 } }).finally(() => answered++),
    MOST_AT_A_TIME,
  );
  let kills = 0;
  for (let turn = 1; turn <= KILLS; turn++) {
    await until(() => answered >= turn * CALLS_PER_KILL, 60_000);
    const pids = await ownChildren();
    if (signalTo(pids[Math.floor(random() * pids.length)] ?? NaN, 'SIGKILL')) kills++;
  }
  const answers = await calls.end();
  await mcpo.close();
  expect(await ownChildren()).toEqual([]);

  const executions = answers.map(() => 0);
  for (const { event, op } of ledger.lines())
    if (event === 'begin') executions[Number(op)] = (executions[Number(op)] ?? 0) + 1;
  return { kills, answers, executions };
}

const times = (executions: readonly number[]): number => executions.reduce((sum, each) => sum + each, 0);

function report(what: string, { kills, answers, executions }: Slaughter): void {
  const failed = answers.filter(({ status }) => status !== 200).length;
  process.stdout.write(
    `${what}: ${kills} kills (seed ${SEED}), ${answers.length} calls, ${failed} failed, ${times(executions)} executions\n`,
  );
}

describe('kill -9 of a random child after each 100 calls of up to 200 a second', () => {
  it(
    'fails not one call that reads',
    async () => {
      const slaughtered = await slaughter('read');
      report('reads', slaughtered);
      const { kills, answers, executions } = slaughtered;
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
      expect(answers.length).toBeGreaterThanOrEqual(KILLS * CALLS_PER_KILL);
      expect(kills).toBeGreaterThan(KILLS / 2);
      // No answer came from a cache, and some calls were made again.
      expect(Math.min(...executions)).toBe(1);
      expect(times(executions)).toBeGreaterThan(answers.length);
    },
    KILLS * 2_000 + 30_000,
  );

  it(
    'leaves a call that writes in doubt at worst, and never makes it twice',
    async () => {
      const slaughtered = await slaughter('write');
      const { kills, answers, executions } = slaughtered;
      report('writes', slaughtered);
      const failed = answers.filter(({ status }) => status !== 200);
      for (const { status, body } of failed) {
        expect([status, body]).toEqual([502, expect.objectContaining({ outcome: 'unknown' })]);
      }
      expect(Math.max(...executions)).toBe(1);
      expect(answers.filter(({ status }, number) => status === 200 && executions[number] !== 1)).toEqual([]);
      expect(kills).toBeGreaterThan(KILLS / 2);
      expect(failed.length).toBeGreaterThan(0);
    },
    KILLS * 2_000 + 30_000,
  );
});
