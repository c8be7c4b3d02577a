/**
 * The subject of an alert: average duration (`slow`), success rate (`failing`), cache hit rate (`cold`), or a tool's p95
 * duration compared with its moving baseline (`anomaly`).
 */
export type AlertKind = 'slow' | 'failing' | 'cold' | 'anomaly';

/** The beginning or the end of a condition that needs attention. */
export interface Alert {
  /** The subject. */
  readonly kind: AlertKind;
  /** The severity: `error` for `failing`, otherwise `warn`. */
  readonly level: 'warn' | 'error';
  /** The tool as `server/tool`, or `overall`. */
  readonly name: string;
  /** The measured value, in seconds or percent. */
  readonly value: number;
  /** The threshold, in the same unit. */
  readonly threshold: number;
  /** `firing` at the beginning, `cleared` at the end. */
  readonly state: 'firing' | 'cleared';
  /** The beginning, in milliseconds since the epoch. */
  readonly since: number;
  /** A description in words. */
  readonly message: string;
}

/** The threshold of each kind, in seconds, percent or times the baseline; `false`: no alerts. */
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

// An alert ends only 10 % inside its threshold: a value that oscillates around the threshold causes one alert.
const HYSTERESIS = 0.1;
// What is less above the baseline is noise, in seconds.
const LEAST_ANOMALY_S = 0.01;
// The weight of the latest p95 in the baseline.
const BASELINE_WEIGHT = 0.05;

/** The alerts of one tool. */
export class Alarms {
  readonly #name: string;
  readonly #thresholds: AlertThresholds;
  readonly #firing = new Map<AlertKind, Alert>();
  // The exponentially weighted mean of earlier p95 values, without those during an anomaly.
  #baseline: number | undefined;
  // The same mean of how far they were from the baseline.
  #spread = 0;

  constructor(name: string, thresholds: AlertThresholds) {
    this.#name = name;
    this.#thresholds = thresholds;
  }

  get firing(): Iterable<Alert> {
    return this.#firing.values();
  }

  /** The alerts that have begun or ended since the last check. `measure`: `undefined` until a window is full. */
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

  /** Ends and returns all alerts, as their tool has been removed. */
  clear(): Alert[] {
    const ended = [...this.#firing.values()].map((alert) => cleared(alert, `${this.#name} has been removed`));
    this.#firing.clear();
    return ended;
  }

  #compareWithBaseline(p95: number, factor: number): Alert | undefined {
    const baseline = this.#baseline ?? p95;
    const threshold = Math.max(factor * baseline, baseline + Math.max(LEAST_ANOMALY_S, 2 * this.#spread));
    const change = this.#compare('anomaly', p95, threshold, `, ${short(threshold / baseline)} times its baseline`);
    if (!this.#firing.has('anomaly')) {
      this.#baseline = baseline + BASELINE_WEIGHT * (p95 - baseline);
      this.#spread += BASELINE_WEIGHT * (Math.abs(p95 - baseline) - this.#spread);
    }
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
    const now = { value, threshold, since: Date.now(), message: `${text} is ${limit}` };
    const alert: Alert = { kind, level, name: this.#name, state: 'firing', ...now };
    this.#firing.set(kind, alert);
    return alert;
  }
}

/** Whether a value is 10 % inside its threshold again; for a rate, 10 % of the distance to 100 %. */
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
