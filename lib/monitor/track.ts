import { Alarms, type Alert, type AlertKind } from './alerts';
import type { MonitorConfig } from './options';
import { Rate } from './rate';
import { DurationWindow, ShareWindow } from './window';

/**
 * How the requests of one tool, or of all tools together, have gone. Requests count when they have ended.
 *
 * `total_requests` and `peak_concurrent` are since the start, `qps_1s` and `qps_5s` over the last second and the last
 * five, `current_concurrent` is now; all else is over the last `windowSize` requests. Everything is 0 before the first.
 */
export interface PerformanceStats {
  /** Requests that have ended since the start. */
  readonly total_requests: number;
  /** The mean duration, in seconds, as are the others. */
  readonly avg_duration: number;
  /** The shortest. */
  readonly min_duration: number;
  /** The longest. */
  readonly max_duration: number;
  /** Half of the requests took no longer. */
  readonly p50_duration: number;
  /** 95 % of the requests took no longer. */
  readonly p95_duration: number;
  /** 99 % of the requests took no longer. */
  readonly p99_duration: number;
  /** Requests that ended well, in percent. */
  readonly success_rate: number;
  /** Requests that have begun and not ended. */
  readonly current_concurrent: number;
  /** The most at a time since the start. */
  readonly peak_concurrent: number;
  /** Requests that ended in the last second. */
  readonly qps_1s: number;
  /** Requests that ended in the last five seconds, for each of them. */
  readonly qps_5s: number;
}

/** What is known of one tool, or of all tools together. */
export class Track {
  /** What it is about: `server/tool` or `overall`. */
  readonly name: string;
  /** Its alerts. */
  readonly alarms: Alarms;
  /** Whether something has happened since its alerts were checked. */
  unchecked = false;
  readonly #windowSize: number;
  readonly #durations: DurationWindow;
  readonly #successes: ShareWindow;
  readonly #rate = new Rate();
  // Most tools are never cached.
  #hits: ShareWindow | undefined;
  #total = 0;
  #current = 0;
  #peak = 0;

  constructor(name: string, { windowSize, thresholds }: MonitorConfig) {
    this.name = name;
    this.alarms = new Alarms(name, thresholds);
    this.#windowSize = windowSize;
    this.#durations = new DurationWindow(windowSize);
    this.#successes = new ShareWindow(windowSize);
  }

  /** A request begins. */
  begin(): void {
    this.#current++;
    if (this.#current > this.#peak) this.#peak = this.#current;
  }

  /** A request that has begun ends at `now`. */
  end(ok: boolean, seconds: number, now: number): void {
    this.#current--;
    this.#total++;
    this.#durations.add(seconds);
    this.#successes.add(ok);
    this.#rate.count(now);
  }

  /** The cache was asked. */
  lookUp(hit: boolean): void {
    this.#hits ??= new ShareWindow(this.#windowSize);
    this.#hits.add(hit);
  }

  /** A snapshot at `now`. */
  stats(now: number): PerformanceStats {
    const { min, max, p50, p95, p99 } = this.#durations.summary;
    return {
      total_requests: this.#total,
      avg_duration: this.#durations.average,
      min_duration: min,
      max_duration: max,
      p50_duration: p50,
      p95_duration: p95,
      p99_duration: p99,
      success_rate: this.#successes.percent,
      current_concurrent: this.#current,
      peak_concurrent: this.#peak,
      qps_1s: this.#rate.perSecond(1, now),
      qps_5s: this.#rate.perSecond(5, now),
    };
  }

  /** The alerts that have begun or ended since the last check. */
  check(): Alert[] {
    this.unchecked = false;
    return this.alarms.check((kind) => this.#measure(kind));
  }

  /** What an alert looks at; `undefined` while the window is not full. */
  #measure(kind: AlertKind): number | undefined {
    if (kind === 'cold') return this.#hits?.full ? this.#hits.percent : undefined;
    if (!this.#durations.full) return undefined;
    if (kind === 'slow') return this.#durations.average;
    return kind === 'failing' ? this.#successes.percent : this.#durations.summary.p95;
  }
}
