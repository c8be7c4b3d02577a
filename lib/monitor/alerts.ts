/**
 * What an alert is about: `slow` the average duration, `failing` the success rate, `cold` the cache hit rate, `anomaly`
 * a tool's p95 duration against its own moving baseline.
 */
export type AlertKind = 'slow' | 'failing' | 'cold' | 'anomaly';

/** Something that needs attention has begun, or is over. */
export interface Alert {
  /** What it is about. */
  readonly kind: AlertKind;
  /** How bad it is: `error` for `failing`, otherwise `warn`. */
  readonly level: 'warn' | 'error';
  /** The tool as `server/tool`, or `overall`. */
  readonly name: string;
  /** What was measured when it began, or ended: seconds or percent. */
  readonly value: number;
  /** What the value is compared with, in the same unit. */
  readonly threshold: number;
  /** `firing` from its beginning, `cleared` when it is over. */
  readonly state: 'firing' | 'cleared';
  /** When it began, in milliseconds since the epoch. */
  readonly since: number;
  /** All of this for people. */
  readonly message: string;
}

/** What an alert of each kind begins at: seconds, percent, times the baseline; `false`: there is none. */
export type AlertThresholds = Readonly<Record<AlertKind, number | false>>;

interface Subject {
  readonly what: string;
  readonly unit: string;
  readonly level: Alert['level'];
  readonly bad: 'above' | 'below';
}

const SUBJECTS: Readonly<Record<AlertKind, Subject>> = {
  slow: { what: 'average duration', unit: 's', level: 'warn', bad: 'above' },
  failing: { what: 'success rate', unit: '%', level: 'error', bad: 'below' },
  cold: { what: 'cache hit rate', unit: '%', level: 'warn', bad: 'below' },
  anomaly: { what: 'p95 duration', unit: 's', level: 'warn', bad: 'above' },
};
const KINDS = Object.keys(SUBJECTS) as readonly AlertKind[];

// An alert ends only a tenth back inside its threshold, so that a value that trembles around it gives one, not many.
const HYSTERESIS = 0.1;
// How much the latest p95 counts in the baseline.
const BASELINE_WEIGHT = 0.05;

/** The alerts of one tool: each begins once and ends once, however often it is checked in between. */
export class Alarms {
  readonly #name: string;
  readonly #thresholds: AlertThresholds;
  readonly #firing = new Map<AlertKind, Alert>();
  // The exponentially weighted mean of the p95 of earlier checks. What an anomaly measures is no part of it.
  #baseline: number | undefined;

  constructor(name: string, thresholds: AlertThresholds) {
    this.#name = name;
    this.#thresholds = thresholds;
  }

  /** The alerts that have begun and not ended, as they began. */
  get firing(): Iterable<Alert> {
    return this.#firing.values();
  }

  /**
   * Compares what is measured now.
   *
   * @param measure - the value of a kind; `undefined` while its window is not full
   * @returns the alerts that have begun or ended since the last time
   */
  check(measure: (kind: AlertKind) => number | undefined): Alert[] {
    const changes: Alert[] = [];
    for (const kind of KINDS) {
      const limit = this.#thresholds[kind];
      if (limit === false) continue;
      const value = measure(kind);
      if (value === undefined) continue;
      const change = kind === 'anomaly' ? this.#compareWithBaseline(value, limit) : this.#compare(kind, value, limit);
      if (change) changes.push(change);
    }
    return changes;
  }

  /** Ends all alerts, as their tool has gone; returns them. */
  clear(): Alert[] {
    const ended = [...this.#firing.values()].map((alert) => cleared(alert, `${this.#name} has gone`));
    this.#firing.clear();
    return ended;
  }

  #compareWithBaseline(p95: number, factor: number): Alert | undefined {
    const baseline = this.#baseline ?? p95;
    const change = this.#compare('anomaly', p95, factor * baseline, `, ${short(factor)} times its baseline`);
    if (!this.#firing.has('anomaly')) this.#baseline = baseline + BASELINE_WEIGHT * (p95 - baseline);
    return change;
  }

  #compare(kind: AlertKind, value: number, threshold: number, source = ''): Alert | undefined {
    const { bad, level, what, unit } = SUBJECTS[kind];
    const firing = this.#firing.get(kind);
    const text = `${this.#name}: ${what} ${short(value)} ${unit}`;
    const limit = `${bad} ${short(threshold)} ${unit}${source}`;
    if (firing) {
      if (!isBack(value, threshold, bad)) return undefined;
      this.#firing.delete(kind);
      return cleared({ ...firing, value, threshold }, `${text} is no longer ${limit}`);
    }
    if (bad === 'above' ? value <= threshold : value >= threshold) return undefined;
    const message = `${text} is ${limit}`;
    const alert: Alert = {
      kind,
      level,
      name: this.#name,
      value,
      threshold,
      state: 'firing',
      since: Date.now(),
      message,
    };
    this.#firing.set(kind, alert);
    return alert;
  }
}

/** Whether a value is far enough inside its threshold again. What is below a rate has the way to 100 % for its scale. */
function isBack(value: number, threshold: number, bad: Subject['bad']): boolean {
  return bad === 'above'
    ? value <= threshold - HYSTERESIS * threshold
    : value >= threshold + HYSTERESIS * (100 - threshold);
}

function cleared(alert: Alert, message: string): Alert {
  return { ...alert, state: 'cleared', message };
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
