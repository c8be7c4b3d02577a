import { Alarms, type Alert, type AlertKind } from '../../lib/monitor/alerts';

const THRESHOLDS = { slow: 1, failing: 95, cold: 70, anomaly: 3 };
const OFF = { slow: false, failing: false, cold: false, anomaly: false } as const;

let alarms: Alarms;

/** Checks one kind, as if nothing were known of the others. */
function check(kind: AlertKind, value: number): Pick<Alert, 'state' | 'kind' | 'value'>[] {
  return alarms.check((asked) => (asked === kind ? value : undefined));
}

/** What became of each value; `-` for nothing. */
const states = (kind: AlertKind, values: readonly number[]): string[] =>
  values.map((value) => check(kind, value)[0]?.state ?? '-');

beforeEach(() => {
  jest.useFakeTimers({ now: 1_700_000_000_000 });
  alarms = new Alarms('docs/search', THRESHOLDS);
});

afterEach(() => {
  jest.useRealTimers();
});

test.each<[AlertKind, number[], string[]]>([
  ['slow', [1, 1.01, 5, 0.99, 0.91, 0.9, 1, 1.1], ['-', 'firing', '-', '-', '-', 'cleared', '-', 'firing']],
  ['failing', [95, 94.9, 0, 95, 95.4, 95.5, 95, 94], ['-', 'firing', '-', '-', '-', 'cleared', '-', 'firing']],
  ['cold', [70, 69.9, 0, 70, 72.9, 73, 70, 69], ['-', 'firing', '-', '-', '-', 'cleared', '-', 'firing']],
])('%s begins beyond its threshold and ends a tenth back inside it', (kind, values, expected) => {
  expect(states(kind, values)).toEqual(expected);
});

test('a success rate of less than 100 % can be asked for, and must then come back to 100 %', () => {
  alarms = new Alarms('docs/search', { ...THRESHOLDS, failing: 100 });
  expect(states('failing', [100, 99.9, 99.99, 100])).toEqual(['-', 'firing', '-', 'cleared']);
});

test('an alert says all there is to say', () => {
  expect(check('slow', 1.52345)).toEqual([
    {
      kind: 'slow',
      level: 'warn',
      name: 'docs/search',
      value: 1.52345,
      threshold: 1,
      state: 'firing',
      since: 1_700_000_000_000,
      message: 'docs/search: average duration 1.523 s is above 1 s',
    },
  ]);
  jest.advanceTimersByTime(60_000);
  expect(check('slow', 0.5)).toEqual([
    {
      kind: 'slow',
      level: 'warn',
      name: 'docs/search',
      value: 0.5,
      threshold: 1,
      state: 'cleared',
      since: 1_700_000_000_000,
      message: 'docs/search: average duration 0.5 s is no longer above 1 s',
    },
  ]);
});

test.each<[AlertKind, number, string, string]>([
  ['failing', 94.5, 'error', 'docs/search: success rate 94.5 % is below 95 %'],
  ['cold', 12, 'warn', 'docs/search: cache hit rate 12 % is below 70 %'],
])('%s has a level and a message of its own', (kind, value, level, message) => {
  expect(check(kind, value)).toMatchObject([{ level, message, kind }]);
});

test('kinds do not disturb one another', () => {
  const measure = (values: Partial<Record<AlertKind, number>>) => (kind: AlertKind) => values[kind];
  const began = alarms.check(measure({ slow: 2, failing: 50, cold: 10 }));
  expect(began.map(({ kind }) => kind)).toEqual(['slow', 'failing', 'cold']);
  expect(alarms.check(measure({ slow: 0.1, failing: 50, cold: 10 }))).toMatchObject([
    { kind: 'slow', state: 'cleared' },
  ]);
  expect([...alarms.firing].map(({ kind }) => kind)).toEqual(['failing', 'cold']);
});

test('a p95 of more than three times its own baseline is an anomaly until it is a tenth back inside', () => {
  expect(states('anomaly', [0.1, 0.1, 0.3, 0.1])).toEqual(['-', '-', '-', '-']);
  alarms = new Alarms('docs/search', THRESHOLDS);
  expect(states('anomaly', [0.1, 0.31, 5, 0.271, 0.27])).toEqual(['-', 'firing', '-', '-', 'cleared']);
});

test('what is less than 10 ms above the baseline is no anomaly, however many times it is', () => {
  expect(states('anomaly', [0.0004, 0.0008, 0.01, 0.0004, 0.02])).toEqual(['-', '-', '-', '-', 'firing']);
});

test('what is within twice the spread of the baseline is no anomaly', () => {
  const wide = Array.from({ length: 400 }, (_, n) => (n % 2 ? 0.02 : 0.1));
  alarms = new Alarms('docs/search', { ...OFF, anomaly: 1.1 });
  for (const value of wide) check('anomaly', value);
  expect(check('anomaly', 0.12)).toEqual([]);
  expect(check('anomaly', 0.16)).toMatchObject([{ kind: 'anomaly', state: 'firing' }]);
});

test('an anomaly names what it is compared with', () => {
  check('anomaly', 0.1);
  expect(check('anomaly', 0.5)).toMatchObject([
    {
      level: 'warn',
      value: 0.5,
      threshold: expect.closeTo(0.3, 9),
      message: 'docs/search: p95 duration 0.5 s is above 0.3 s, 3 times its baseline',
    },
  ]);
});

test('the baseline follows a tool that grows slower little by little', () => {
  const slower = Array.from({ length: 300 }, (_value, index) => 0.1 * 1.01 ** index);
  expect(states('anomaly', slower)).toEqual(slower.map(() => '-'));
});

test('the baseline does not learn from an anomaly, so that it does not end by lasting', () => {
  check('anomaly', 0.1);
  const lasting = Array<number>(1_000).fill(0.5);
  expect(states('anomaly', lasting)).toEqual(['firing', ...Array<string>(999).fill('-')]);
  expect(check('anomaly', 0.1)).toMatchObject([{ state: 'cleared', threshold: expect.closeTo(0.3, 9) }]);
});

test('a kind that is off is not even measured', () => {
  alarms = new Alarms('docs/search', { ...OFF, slow: 1 });
  const measure = jest.fn(() => 2);
  expect(alarms.check(measure)).toMatchObject([{ kind: 'slow' }]);
  expect(measure.mock.calls).toEqual([['slow']]);
});

test('what is not known changes nothing', () => {
  check('slow', 2);
  expect(alarms.check(() => undefined)).toEqual([]);
  expect([...alarms.firing]).toHaveLength(1);
});

test('all alerts end when their tool has been removed', () => {
  check('slow', 2);
  check('cold', 20);
  expect(alarms.clear()).toMatchObject([
    { kind: 'slow', state: 'cleared', message: 'docs/search has been removed' },
    { kind: 'cold', state: 'cleared' },
  ]);
  expect([...alarms.firing]).toEqual([]);
  expect(alarms.clear()).toEqual([]);
});
