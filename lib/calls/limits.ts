import type { LimitConfig } from '../config/concurrency';
import { ConcurrencyLimiter } from '../limit/limiter';
import { Limits } from '../limit/limits';
import { type LimiterOptions, type MaxConcurrent, limiterConfig } from '../limit/options';
import type { PermitSource } from '../limit/permit';
import type { Tool } from '../mcp/tools/tool';

/** The concurrency limits of a router, its servers and its tools. */
export class CallLimits {
  readonly global: ConcurrencyLimiter;
  readonly #config: LimitConfig;
  readonly #servers = new Map<string, ServerLimit>();
  readonly #tools = new Map<string, ConcurrencyLimiter>();
  readonly #writes = new Map<string, ConcurrencyLimiter>();
  readonly #onWritesInTurn: (server: string) => void;
  /** Whether there are several servers, none of which may hold all permits. */
  readonly #isDivided: boolean;

  /**
   * @param servers - all servers by name, with their own limits
   * @param onWritesInTurn - is told of each server whose writes run one at a time in this process
   */
  constructor(
    config: LimitConfig,
    servers: ReadonlyMap<string, LimiterOptions | undefined>,
    onWritesInTurn: (server: string) => void,
  ) {
    this.#config = config;
    this.#onWritesInTurn = onWritesInTurn;
    this.global = new RouterLimiter({ ...config.global, name: 'the router' }, () => this.#divide());
    for (const [name, own] of servers) {
      if (!own && servers.size === 1) continue;
      const limiter = new ConcurrencyLimiter({ ...(own ?? config.global), name: `server ${name}` });
      this.#servers.set(name, { limiter, own: own && limiterConfig(own).maxConcurrent });
    }
    this.#isDivided = servers.size > 1;
    this.#divide();
  }

  /** The calls that wait for a permit of any limit. */
  get waiting(): number {
    return this.#all().reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** @param inTurn - whether it is a write, and must not run beside others of its server */
  of(tool: Tool, inTurn = false): PermitSource {
    const narrowestFirst = [
      this.#forTool(`${tool.server}/${tool.name}`),
      inTurn ? this.#forWrites(tool.server) : undefined,
      this.#servers.get(tool.server)?.limiter,
      this.global,
    ];
    const limits = narrowestFirst.filter((limiter) => limiter !== undefined);
    return limits.length === 1 ? this.global : new Limits(limits);
  }

  /** Rejects the waiting calls and all later ones. */
  close(): void {
    for (const limiter of this.#all()) limiter.close();
  }

  #all(): ConcurrencyLimiter[] {
    const servers = [...this.#servers.values()].map(({ limiter }) => limiter);
    return [this.global, ...servers, ...this.#tools.values(), ...this.#writes.values()];
  }

  /** Gives each server its share of the router's permits: four fifths, and at least one. */
  #divide(): void {
    if (!this.#isDivided) return;
    const share = Math.max(1, Math.floor((this.global.maxConcurrent * 4) / 5));
    for (const { limiter, own = share } of this.#servers.values()) limiter.setMaxConcurrent(Math.min(own, share));
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

interface ServerLimit {
  readonly limiter: ConcurrencyLimiter;
  /** The limit in the server's options. */
  readonly own: number | undefined;
}

/** The limit on all calls, which others depend on. */
class RouterLimiter extends ConcurrencyLimiter {
  readonly #onChange: () => void;

  constructor(options: LimiterOptions, onChange: () => void) {
    super(options);
    this.#onChange = onChange;
  }

  override setMaxConcurrent(value: MaxConcurrent): void {
    super.setMaxConcurrent(value);
    this.#onChange();
  }
}
