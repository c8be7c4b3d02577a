import { SafeEmitter } from '../util/safe-emitter';
import type { Alert } from './alerts';
import { monitorConfig, type MonitorConfig, type MonitorOptions } from './options';
import { Track, type PerformanceStats } from './track';

/** The events of a {@link PerformanceMonitor} with the arguments of their listeners. */
export interface MonitorEvents {
  /** An alert has begun or ended. */
  alert: [Alert];
}

/** One request. */
export interface Observation {
  /**
   * Records the end of the request. Only the first call counts.
   *
   * @param ok - whether it succeeded
   * @returns its duration in seconds
   */
  end(ok: boolean): number;

  /**
   * Records nothing of the request: it has not reached the tool. Takes the place of {@link end}.
   *
   * @returns its duration in seconds
   */
  discard(): number;
}

/** The name of all tools together. The name of a tool contains a `/`. */
const OVERALL = 'overall';
const CHECK_MS = 1_000;

/**
 * Statistics of the requests of each tool and of all together (number, duration, success, concurrency), with alerts. Without
 * HTTP.
 *
 * Memory is bounded by tools x `windowSize`: names must come from a list of tools, never from a request.
 *
 * Alerts are evaluated over full windows, a second after something has happened. An event `alert` is emitted at the beginning
 * and the end of each. A listener that throws or rejects causes a process warning and nothing else.
 *
 * @example Alone
 * ```ts
 * const monitor = new PerformanceMonitor({ alerts: { slowSeconds: 0.5 } });
 * monitor.on('alert', ({ message }) => console.warn(message));
 * const observation = monitor.begin('docs/search');
 * observation.end(true);
 * monitor.stats('docs/search').p95_duration;
 * ```
 */
export class PerformanceMonitor extends SafeEmitter<MonitorEvents> {
  readonly #config: MonitorConfig;
  readonly #overall: Track;
  readonly #tracks = new Map<string, Track>();
  readonly #alerting: boolean;
  #unchecked: Track[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @throws ConfigError for an invalid option */
  constructor(options: MonitorOptions = {}) {
    super();
    this.#config = monitorConfig(options);
    const { thresholds } = this.#config;
    this.#alerting = Object.values(thresholds).some((threshold) => threshold !== false);
    // The mix of tools changes the overall duration, which is no anomaly.
    this.#overall = new Track(OVERALL, { ...this.#config, thresholds: { ...thresholds, anomaly: false } });
  }

  /** The active alerts, the oldest first. */
  get alerts(): Alert[] {
    return this.#all()
      .flatMap(({ alarms }) => [...alarms.firing])
      .sort((a, b) => a.since - b.since);
  }

  /**
   * Records the beginning of a request.
   *
   * @param name - the tool as `server/tool`; for speed, the same string object each time
   * @param startedAt - the time of the beginning, on the clock of `performance.now()`
   */
  begin(name: string, startedAt: number = performance.now()): Observation {
    const track = this.#track(name);
    track.begin();
    this.#overall.begin();
    return new Running(startedAt, (ok, seconds, now) => {
      for (const each of [track, this.#overall]) {
        if (ok === undefined) each.discard();
        else each.end(ok, seconds, now);
      }
      if (ok !== undefined) this.#toCheck(track);
      else if (track.isUnused) this.#tracks.delete(name);
    });
  }

  /** Records a cache look-up of a tool. */
  observeCache(name: string, hit: boolean): void {
    const track = this.#track(name);
    track.lookUp(hit);
    this.#overall.lookUp(hit);
    this.#toCheck(track);
  }

  /** The statistics of one tool, or of all tools for `overall`. */
  stats(name: string): PerformanceStats {
    const track = name === OVERALL ? this.#overall : this.#tracks.get(name);
    return (track ?? new Track(name, this.#config)).stats(performance.now());
  }

  /** The statistics of each tool that has been called, and of all tools as `overall`. */
  all(): Record<string, PerformanceStats> {
    const now = performance.now();
    return Object.fromEntries(this.#all().map((track) => [track.name, track.stats(now)]));
  }

  /** Removes a tool and ends its alerts. Its requests stay counted in `overall`. */
  forget(name: string): void {
    const track = this.#tracks.get(name);
    if (!track) return;
    this.#tracks.delete(name);
    this.#emitAlerts(track.alarms.clear());
  }

  /** Stops the checks for alerts. Idempotent. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#unchecked = [];
  }

  #all(): Track[] {
    return [this.#overall, ...this.#tracks.values()];
  }

  #track(name: string): Track {
    let track = this.#tracks.get(name);
    if (!track) {
      track = new Track(name, this.#config);
      this.#tracks.set(name, track);
    }
    return track;
  }

  /** Only events change a window: an idle tool needs no check. */
  #toCheck(track: Track): void {
    if (track.unchecked || !this.#alerting || this.#closed) return;
    track.unchecked = true;
    this.#unchecked.push(track);
    this.#timer ??= setTimeout(() => this.#check(), CHECK_MS).unref();
  }

  #check(): void {
    const tracks = this.#unchecked;
    this.#unchecked = [];
    this.#timer = undefined;
    for (const track of tracks) {
      // The tool may have been removed meanwhile, even by a listener.
      if (this.#tracks.get(track.name) === track) this.#emitAlerts(track.check());
    }
    this.#emitAlerts(this.#overall.check());
  }

  #emitAlerts(alerts: readonly Alert[]): void {
    for (const alert of alerts) this.notify('alert', alert);
  }
}

/** A request that runs; it ends once. */
class Running implements Observation {
  readonly #startedAt: number;
  readonly #record: (ok: boolean | undefined, seconds: number, now: number) => void;
  #seconds: number | undefined;

  constructor(startedAt: number, record: (ok: boolean | undefined, seconds: number, now: number) => void) {
    this.#startedAt = startedAt;
    this.#record = record;
  }

  end(ok: boolean): number {
    return this.#end(ok);
  }

  discard(): number {
    return this.#end(undefined);
  }

  #end(ok: boolean | undefined): number {
    if (this.#seconds !== undefined) return this.#seconds;
    const now = performance.now();
    this.#seconds = Math.max(0, now - this.#startedAt) / 1_000;
    this.#record(ok, this.#seconds, now);
    return this.#seconds;
  }
}
