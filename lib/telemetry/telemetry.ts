import type { IncomingMessage } from 'node:http';
import type { Outcome, ToolCall } from '../calls/call';
import type { McpoError } from '../errors';
import type { Tool } from '../mcp/tools/tool';
import {
  type CacheResult,
  type ConnectionError,
  type Instruments,
  REJECTIONS,
  type ToolInstruments,
} from '../monitor/instruments';
import type { PerformanceMonitor } from '../monitor/performance-monitor';
import type { Logger } from '../options';
import { stateOf } from '../http/request-state';

/** A server may change its list of tools for ever; a Prometheus server pays for each name for as long. */
const MAX_TOOLS = 10_000;
const UNKNOWN = 'unknown';

/** One tool, as it is measured: also its next definition, should its server change it. */
interface Measured {
  /** `server/tool`. */
  readonly name: string;
  readonly instruments: ToolInstruments;
}

/** Measures what happens to requests, and tells the host's logger. Labels come from the catalogue, never from a caller. */
export class Telemetry {
  readonly #monitor: PerformanceMonitor;
  readonly #instruments: Instruments;
  readonly #logger: Logger;
  readonly #byTool = new WeakMap<Tool, Measured>();
  readonly #byName = new Map<string, Measured>();

  constructor(monitor: PerformanceMonitor, instruments: Instruments, logger: Logger) {
    this.#monitor = monitor;
    this.#instruments = instruments;
    this.#logger = logger;
  }

  /** A request has become a call: what follows is measured at its end. */
  follow(req: IncomingMessage, call: ToolCall): void {
    const { id, begunAt } = stateOf(req);
    const observation = this.#monitor.begin(this.#of(call.tool).name, begunAt);
    call.onSettled((outcome) => {
      // Who leaves says nothing of the tool.
      const seconds = observation.end(outcome.ok || outcome.error.code === 'MCPO_CALLER_GONE');
      this.#ended(id, call.tool, nameOf(outcome), seconds);
    });
  }

  /** A request has failed before it became a call. */
  refused(req: IncomingMessage, error: McpoError): void {
    const { id, begunAt, target: tool } = stateOf(req);
    // A page that is refused is no request to a tool.
    if (!tool && req.method !== 'POST') return;
    this.#ended(id, tool, lowerCase(error), (performance.now() - begunAt) / 1_000);
  }

  /** The cache was asked for a result of a tool, or not; a hit rate counts no bypass. */
  lookedUp(tool: Tool, result: CacheResult): void {
    const { name, instruments } = this.#of(tool);
    instruments.cache(result);
    if (result !== 'bypass') this.#monitor.observeCache(name, result === 'hit');
  }

  /** A caller has joined a call in flight. */
  shared(tool: Tool): void {
    this.#of(tool).instruments.shared();
  }

  /** The MCP server has answered a call, or failed to. */
  upstream(tool: Tool, seconds: number): void {
    this.#of(tool).instruments.upstream(seconds);
  }

  /** A call has got its permit. */
  waited(tool: Tool, ms: number): void {
    this.#instruments.waited(tool.server, ms / 1_000);
  }

  /** A call is made once more. */
  retried(server: string): void {
    this.#instruments.retried(server);
  }

  /** A connection could not be made, or was lost. */
  connectionFailed(server: string, reason: ConnectionError): void {
    this.#instruments.connectionFailed(server, reason);
  }

  #ended(requestId: string, tool: Tool | undefined, outcome: string, seconds: number): void {
    const { instruments } = tool ? this.#of(tool) : this.#named(UNKNOWN, UNKNOWN);
    instruments.answered(outcome, seconds);
    const rejection = REJECTIONS.find((reason) => reason === outcome);
    if (rejection) this.#instruments.rejected(rejection);
    const line = { requestId, server: tool?.server, tool: tool?.name, outcome, durationMs: round(1_000 * seconds) };
    this.#logger.info(line, 'mcpo: request');
  }

  #of(tool: Tool): Measured {
    let measured = this.#byTool.get(tool);
    if (!measured) {
      measured = this.#named(tool.server, tool.name);
      this.#byTool.set(tool, measured);
    }
    return measured;
  }

  #named(server: string, tool: string): Measured {
    const name = `${server}/${tool}`;
    let measured = this.#byName.get(name);
    if (!measured) {
      if (this.#byName.size >= MAX_TOOLS && tool !== UNKNOWN) return this.#named(UNKNOWN, UNKNOWN);
      measured = { name, instruments: this.#instruments.tool(server, tool) };
      this.#byName.set(name, measured);
    }
    return measured;
  }
}

function nameOf(outcome: Outcome): string {
  return outcome.ok ? 'success' : lowerCase(outcome.error);
}

/** `MCPO_QUEUE_FULL` as `queue_full`. */
function lowerCase({ code }: McpoError): string {
  return code.slice('MCPO_'.length).toLowerCase();
}

function round(ms: number): number {
  return Math.round(1_000 * ms) / 1_000;
}
