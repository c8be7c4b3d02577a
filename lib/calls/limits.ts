import type { LimitConfig } from '../config/concurrency';
import { ConcurrencyLimiter } from '../limit/limiter';
import { Limits } from '../limit/limits';
import type { LimiterOptions } from '../limit/options';
import type { PermitSource } from '../limit/permit';
import type { Tool } from '../mcp/tools/tool';

/** The concurrency limits of a router, its servers and its tools. */
export class CallLimits {
  readonly global: ConcurrencyLimiter;
  readonly #config: LimitConfig;
  readonly #servers = new Map<string, ConcurrencyLimiter>();
  readonly #tools = new Map<string, ConcurrencyLimiter>();
  readonly #writes = new Map<string, ConcurrencyLimiter>();
  readonly #onWritesInTurn: (server: string) => void;

  /**
   * @param servers - the limits of single servers, by name
   * @param onWritesInTurn - is told of each server whose writes run one at a time in this process
   */
  constructor(
    config: LimitConfig,
    servers: ReadonlyMap<string, LimiterOptions>,
    onWritesInTurn: (server: string) => void,
  ) {
    this.#config = config;
    this.#onWritesInTurn = onWritesInTurn;
    this.global = new ConcurrencyLimiter({ ...config.global, name: 'the router' });
    for (const [name, options] of servers) {
      this.#servers.set(name, new ConcurrencyLimiter({ ...options, name: `server ${name}` }));
    }
  }

  get servers(): ReadonlyMap<string, ConcurrencyLimiter> {
    return this.#servers;
  }

  /** The limits of single tools that have been called, by `server/tool`. */
  get tools(): ReadonlyMap<string, ConcurrencyLimiter> {
    return this.#tools;
  }

  /** @param inTurn - whether it is a write, and must not run beside others of its server */
  of(tool: Tool, inTurn = false): PermitSource {
    const narrowestFirst = [
      this.#forTool(`${tool.server}/${tool.name}`),
      inTurn ? this.#forWrites(tool.server) : undefined,
      this.#servers.get(tool.server),
      this.global,
    ];
    const limits = narrowestFirst.filter((limiter) => limiter !== undefined);
    return limits.length === 1 ? this.global : new Limits(limits);
  }

  /** Rejects the waiting calls and all later ones. */
  close(): void {
    for (const limiter of [this.global, ...this.#servers.values(), ...this.#tools.values(), ...this.#writes.values()]) {
      limiter.close();
    }
  }

  #forWrites(server: string): ConcurrencyLimiter {
    let limiter = this.#writes.get(server);
    if (!limiter) {
      limiter = new ConcurrencyLimiter({ maxConcurrent: 1, name: `writes of server ${server}` });
      this.#writes.set(server, limiter);
      this.#onWritesInTurn(server);
    }
    return limiter;
  }

  /** By name: a tool whose definition changes keeps its limiter and the permits in use. */
  #forTool(path: string): ConcurrencyLimiter | undefined {
    const known = this.#tools.get(path);
    const rule = this.#config.tools.find(({ fits }) => fits(path));
    if (known || !rule) return known;
    const limiter = new ConcurrencyLimiter({ ...rule.options, name: `tool ${path}` });
    this.#tools.set(path, limiter);
    return limiter;
  }
}
