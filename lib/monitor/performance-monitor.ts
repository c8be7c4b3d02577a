import { EventEmitter } from 'node:events';
import { warn } from '../errors';
import type { Alert } from './alerts';
import { monitorConfig, type MonitorConfig, type MonitorOptions } from './options';
import { Track, type PerformanceStats } from './track';

/** The events of a {@link PerformanceMonitor} and what their listeners are given. */
export interface MonitorEvents {
  /** Something that needs attention has begun, or is over. */
  alert: [Alert];
}

/** One request, from {@link PerformanceMonitor.begin} on. */
export interface Observation {
  /**
   * The request has ended. Only the first time counts.
   *
   * @param ok - whether it ended well
   * @returns how long it took, in seconds
   */
  end(ok: boolean): number;
}

/** The name of all tools together; a tool's own name holds a `/`. */
const OVERALL = 'overall';
const CHECK_MS = 1_000;

/**
 * Watches the requests of each tool and of all together: how many, how long, how well, how many at a time; and raises
 * alerts. Knows no HTTP.
 *
 * Memory is bounded by tools x `windowSize`: names must come from a list of tools, never from a request.
 *
 * Alerts look at full windows. They are checked a second after something has happened, so that a quiet monitor does
 * nothing, and told to the listeners of `alert` when they begin and when they end. A listener that throws or rejects becomes a process
 * warning.
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
export class PerformanceMonitor extends EventEmitter<MonitorEvents> {
  readonly #config: MonitorConfig;
  readonly #overall: Track;
  readonly #tracks = new Map<string, Track>();
  readonly #alerting: boolean;
  #unchecked: Track[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @throws ConfigError for an option that cannot work */
  constructor(options: MonitorOptions = {}) {
    super({ captureRejections: true });
    this.#config = monitorConfig(options);
    const { thresholds } = this.#config;
    this.#alerting = Object.values(thresholds).some((threshold) => threshold !== false);
    // Which tools are called changes the durations of all together, and is no anomaly.
    this.#overall = new Track(OVERALL, { ...this.#config, thresholds: { ...thresholds, anomaly: false } });
  }

  /** The alerts that have begun and not ended, as they began, the oldest first. */
  get alerts(): Alert[] {
    return this.#all()
      .flatMap(({ alarms }) => [...alarms.firing])
      .sort((a, b) => a.since - b.since);
  }

  /**
   * A request begins.
   *
   * @param name - the tool, as `server/tool`, never `overall`; best a string that is made once for each tool
   * @param startedAt - when it began, on the clock of `performance.now()`
   */
  begin(name: string, startedAt: number = performance.now()): Observation {
    const track = this.#track(name);
    track.begin();
    this.#overall.begin();
    return new OneObservation(startedAt, (ok, seconds, now) => {
      this.#end(track, ok, seconds, now);
    });
  }

  /** The cache was asked for a result of a tool. */
  observeCache(name: string, hit: boolean): void {
    const track = this.#track(name);
    track.lookUp(hit);
    this.#overall.lookUp(hit);
    this.#toCheck(track);
  }

  /** A snapshot of one tool, or of all together for `overall`. */
  stats(name: string): PerformanceStats {
    const track = name === OVERALL ? this.#overall : this.#tracks.get(name);
    return (track ?? new Track(name, this.#config)).stats(performance.now());
  }

  /** A snapshot of each tool that has been called, and of all together as `overall`. */
  all(): Record<string, PerformanceStats> {
    const now = performance.now();
    return Object.fromEntries(this.#all().map((track) => [track.name, track.stats(now)]));
  }

  /** Drops what is known of a tool that has gone, and ends its alerts. Its requests stay counted in `overall`. */
  forget(name: string): void {
    const track = this.#tracks.get(name);
    if (!track) return;
    this.#tracks.delete(name);
    this.#tell(track.alarms.clear());
  }

  /** Checks no alerts any more; still counts. May be called again. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#unchecked = [];
  }

  /** What a listener that is an async function rejects with. */
  override [EventEmitter.captureRejectionSymbol](error: unknown, ..._event: readonly unknown[]): void {
    warn(error);
  }

  #end(track: Track, ok: boolean, seconds: number, now: number): void {
    track.end(ok, seconds, now);
    this.#overall.end(ok, seconds, now);
    this.#toCheck(track);
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

  /** Only what happens changes a window: what is quiet needs no check. */
  #toCheck(track: Track): void {
    if (track.unchecked || !this.#alerting || this.#closed) return;
    track.unchecked = true;
    this.#unchecked.push(track);
    this.#timer ??= setTimeout(() => {
      this.#check();
    }, CHECK_MS).unref();
  }

  #check(): void {
    const tracks = this.#unchecked;
    this.#unchecked = [];
    this.#timer = undefined;
    for (const track of tracks) {
      // A tool that was forgotten while its last requests ran, or by a listener, has no alerts any more.
      if (this.#tracks.get(track.name) === track) this.#tell(track.check());
    }
    this.#tell(this.#overall.check());
  }

  #tell(alerts: readonly Alert[]): void {
    for (const alert of alerts) {
      try {
        this.emit('alert', alert);
      } catch (error) {
        warn(error);
      }
    }
  }
}

class OneObservation implements Observation {
  readonly #startedAt: number;
  #ended: ((ok: boolean, seconds: number, now: number) => void) | undefined;
  #seconds = 0;

  constructor(startedAt: number, ended: (ok: boolean, seconds: number, now: number) => void) {
    this.#startedAt = startedAt;
    this.#ended = ended;
  }

  end(ok: boolean): number {
    const ended = this.#ended;
    if (!ended) return this.#seconds;
    this.#ended = undefined;
    const now = performance.now();
    this.#seconds = Math.max(0, now - this.#startedAt) / 1_000;
    ended(ok, this.#seconds, now);
    return this.#seconds;
  }
}
