import { Alarms, type Alert, type AlertKind } from './alerts';
import type { MonitorConfig } from './options';
import { Rate } from './rate';
import { DurationWindow, ShareWindow } from './window';

/**
 * Statistics of one tool, or of all tools. Requests count when they have ended. Fields without another period cover the last
 * `windowSize` requests. All are 0 before the first request.
 */
export interface PerformanceStats {
  /** Requests that have ended since the start. */
  readonly total_requests: number;
  /** Mean duration in seconds, as are all durations. */
  readonly avg_duration: number;
  /** Shortest duration. */
  readonly min_duration: number;
  /** Longest duration. */
  readonly max_duration: number;
  /** Median duration. */
  readonly p50_duration: number;
  /** 95th percentile of the durations. */
  readonly p95_duration: number;
  /** 99th percentile of the durations. */
  readonly p99_duration: number;
  /** Successful requests in percent. */
  readonly success_rate: number;
  /** Running requests. */
  readonly current_concurrent: number;
  /** Maximum number of running requests since the start. */
  readonly peak_concurrent: number;
  /** Requests per second over the last second. */
  readonly qps_1s: number;
  /** Requests per second over the last five seconds. */
  readonly qps_5s: number;
}

/** The data of one tool, or of all tools. */
export class Track {
  /** `server/tool` or `overall`. */
  readonly name: string;
  readonly alarms: Alarms;
  /** Whether its alerts are to be checked. */
  unchecked = false;
  readonly #windowSize: number;
  readonly #durations: DurationWindow;
  readonly #successes: ShareWindow;
  readonly #rate = new Rate();
  // Only for tools that are cached.
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

  begin(): void {
    this.#current++;
    if (this.#current > this.#peak) this.#peak = this.#current;
  }

  end(ok: boolean, seconds: number, now: number): void {
    this.#current--;
    this.#total++;
    this.#durations.add(seconds);
    this.#successes.add(ok);
    this.#rate.count(now);
  }

  /** Takes back the beginning of a request. */
  discard(): void {
    this.#current--;
  }

  get isUnused(): boolean {
    return this.#total === 0 && this.#current === 0 && this.#hits === undefined;
  }

  lookUp(hit: boolean): void {
    this.#hits ??= new ShareWindow(this.#windowSize);
    this.#hits.add(hit);
  }

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

  check(): Alert[] {
    this.unchecked = false;
    return this.alarms.check((kind) => this.#measure(kind));
  }

  /** The value for an alert; `undefined` while the window is not full. */
  #measure(kind: AlertKind): number | undefined {
    if (kind === 'cold') return this.#hits?.full ? this.#hits.percent : undefined;
    if (!this.#durations.full) return undefined;
    if (kind === 'slow') return this.#durations.average;
    return kind === 'failing' ? this.#successes.percent : this.#durations.summary.p95;
  }
}
