import type { McpoError } from '../errors';
import {
  type CacheResult,
  type ConnectionError,
  type Instruments,
  REJECTIONS,
  type ToolInstruments,
} from '../monitor/instruments';
import type { PerformanceMonitor } from '../monitor/performance-monitor';
import type { Logger } from '../util/logger';

/** A server may change its list of tools for ever; a Prometheus server pays for each name for as long. */
const MAX_TOOLS = 10_000;
const UNKNOWN = 'unknown';

/** A request, as the log tells of it. */
export interface LoggedRequest {
  readonly id: string;
  /** When it came, on the clock of `performance.now()`. */
  readonly begunAt: number;
}

/** A tool, as the log names it; one that is not served has no name. */
interface LoggedTool {
  readonly server?: string;
  readonly tool?: string;
}

/** One call under way. */
export interface CallObservation {
  /** The call has ended: with an answer, or with that error. */
  end(error?: McpoError): void;
}

/** Measures what happens to requests, and tells the host's logger. Labels come from the catalogue, never from a caller. */
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

  /** What a tool's calls tell. Beyond 10,000 names of tools all others are measured as `unknown`. */
  tool(server: string, tool: string): ToolTelemetry {
    return this.#named(server, tool, { server, tool });
  }

  /** A request to a tool has failed before it became a call. */
  refused({ id, begunAt }: LoggedRequest, error: McpoError, tool: ToolTelemetry | undefined): void {
    const told = tool ?? this.#named(UNKNOWN, UNKNOWN, {});
    told.ended(id, error, (performance.now() - begunAt) / 1_000);
  }

  /** A connection could not be made, or was lost. */
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
    return new ToolTelemetry(name, logged, instruments, this.#instruments, this.#monitor, this.#logger);
  }
}

/** What the calls of one tool tell. */
export class ToolTelemetry {
  readonly #name: string;
  readonly #logged: LoggedTool;
  readonly #own: ToolInstruments;
  readonly #all: Instruments;
  readonly #monitor: PerformanceMonitor;
  readonly #logger: Logger;

  /** @param name - as the performance monitor knows the tool */
  constructor(
    name: string,
    logged: LoggedTool,
    own: ToolInstruments,
    all: Instruments,
    monitor: PerformanceMonitor,
    logger: Logger,
  ) {
    this.#name = name;
    this.#logged = logged;
    this.#own = own;
    this.#all = all;
    this.#monitor = monitor;
    this.#logger = logger;
  }

  /** A request has become a call. */
  begin(id: string, begunAt: number): CallObservation {
    const observation = this.#monitor.begin(this.#name, begunAt);
    return {
      // Who leaves says nothing of the tool.
      end: (error) => this.ended(id, error, observation.end(!error || error.code === 'MCPO_CALLER_GONE')),
    };
  }

  /** A request has ended, after so many seconds. */
  ended(requestId: string, error: McpoError | undefined, seconds: number): void {
    const outcome = error ? lowerCase(error) : 'success';
    this.#own.answered(outcome, seconds);
    const rejection = REJECTIONS.find((reason) => reason === outcome);
    if (rejection) this.#all.rejected(rejection);
    const durationMs = Math.round(1_000_000 * seconds) / 1_000;
    const { server, tool } = this.#logged;
    this.#logger.info({ requestId, server, tool, outcome, durationMs }, 'mcpo: request');
  }

  /** The cache was asked for a result, or not; a hit rate counts no bypass. */
  cache(result: CacheResult): void {
    this.#own.cache(result);
    if (result !== 'bypass') this.#monitor.observeCache(this.#name, result === 'hit');
  }

  /** A caller has joined a call in flight. */
  shared(): void {
    this.#own.shared();
  }

  /** The MCP server has answered a call, or failed to. */
  upstream(seconds: number): void {
    this.#own.upstream(seconds);
  }

  /** A call has got its permit. */
  waited(ms: number): void {
    this.#own.waited(ms / 1_000);
  }

  /** A call is made once more. */
  retried(): void {
    this.#own.retried();
  }
}

/** `MCPO_QUEUE_FULL` as `queue_full`. */
function lowerCase({ code }: McpoError): string {
  return code.slice('MCPO_'.length).toLowerCase();
}
