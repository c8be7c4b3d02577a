import type { McpoError } from '../errors';
import { type ConnectionError, type Instruments, REJECTIONS, type ToolInstruments } from '../monitor/instruments';
import type { PerformanceMonitor } from '../monitor/performance-monitor';
import type { Logger } from '../util/logger';

/** Bounds the number of Prometheus series: a server may list ever new tools. */
const MAX_TOOLS = 10_000;
const UNKNOWN = 'unknown';

/** A request in the log. */
export interface LoggedRequest {
  readonly id: string;
  /** When it arrived, on the clock of `performance.now()`. */
  readonly begunAt: number;
}

/** A tool in the log; without names if it is unknown. */
interface LoggedTool {
  readonly server?: string;
  readonly tool?: string;
}
export interface CallObservation {
  /** Records the end of the call: with an answer, or with an error. */
  end(error?: McpoError): void;
}

/** Measures and logs the calls of one tool. */
export interface ToolTelemetry extends Pick<ToolInstruments, 'cache' | 'shared' | 'upstream' | 'retried'> {
  /** Records the beginning of a call. */
  begin(id: string, begunAt: number): CallObservation;
  /** Records the end of a request. */
  ended(requestId: string, error: McpoError | undefined, seconds: number): void;
  /** Records the time that a call has waited for its permit, in milliseconds. */
  waited(ms: number): void;
}

/** Measures and logs requests. Labels come from the catalogue, never from a caller. */
export class Telemetry {
  readonly #monitor: PerformanceMonitor;
  readonly #instruments: Instruments;
  readonly #logger: Logger;
  readonly #instrumentsByName = new Map<string, ToolInstruments>();

  constructor(monitor: PerformanceMonitor, instruments: Instruments, logger: Logger) {
    this.#monitor = monitor;
    this.#instruments = instruments;
    this.#logger = logger;
  }

  /** The telemetry of a tool. Beyond 10,000 names, tools are measured as `unknown`. */
  tool(server: string, tool: string): ToolTelemetry {
    return this.#named(server, tool, { server, tool });
  }

  /** Records a request to a tool that has failed before it became a call. */
  refused({ id, begunAt }: LoggedRequest, error: McpoError, tool: ToolTelemetry | undefined): void {
    const telemetry = tool ?? this.#named(UNKNOWN, UNKNOWN, {});
    telemetry.ended(id, error, (performance.now() - begunAt) / 1_000);
  }

  connectionFailed(server: string, reason: ConnectionError): void {
    this.#instruments.connectionFailed(server, reason);
  }

  #named(server: string, tool: string, logged: LoggedTool): ToolTelemetry {
    const name = `${server}/${tool}`;
    let instruments = this.#instrumentsByName.get(name);
    if (!instruments) {
      const isFull = this.#instrumentsByName.size >= MAX_TOOLS && tool !== UNKNOWN;
      if (isFull) return this.#named(UNKNOWN, UNKNOWN, logged);
      instruments = this.#instruments.tool(server, tool);
      this.#instrumentsByName.set(name, instruments);
    }
    const ended = (requestId: string, error: McpoError | undefined, seconds: number): void => {
      const outcome = error ? lowerCase(error) : 'success';
      instruments.answered(outcome, seconds);
      const rejection = error && REJECTIONS.find((reason) => reason === outcome);
      if (rejection) this.#instruments.rejected(rejection);
      const durationMs = Math.round(1_000_000 * seconds) / 1_000;
      this.#logger.debug({ requestId, ...logged, outcome, durationMs }, 'mcpo: request');
    };
    return {
      ended,
      begin: (id, begunAt) => {
        const observation = this.#monitor.begin(name, begunAt);
        return {
          end: (error) => {
            // Arguments that the schema refuses do not reach the tool. A caller that leaves is no failure of it.
            const isRefused = error?.errors !== undefined;
            const isFailure = error !== undefined && error.code !== 'MCPO_CALLER_GONE';
            ended(id, error, isRefused ? observation.discard() : observation.end(!isFailure));
          },
        };
      },
      cache: (result) => {
        instruments.cache(result);
        if (result !== 'bypass') this.#monitor.observeCache(name, result === 'hit');
      },
      shared: instruments.shared,
      upstream: instruments.upstream,
      waited: (ms) => instruments.waited(ms / 1_000),
      retried: instruments.retried,
    };
  }
}

/** `MCPO_QUEUE_FULL` as `queue_full`. */
function lowerCase({ code }: McpoError): string {
  return code.slice('MCPO_'.length).toLowerCase();
}
