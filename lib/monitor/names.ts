import type { Registry } from 'prom-client';
import { ConfigError } from '../errors';

/** What every metric is made from. */
export interface Described<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: L[];
  readonly registers: Registry[];
}

/** The names of one router's metrics in a registry, which may be the host's. */
export class Names {
  readonly #registry: Registry;
  readonly #prefix: string;
  readonly #taken: string[] = [];

  constructor(registry: Registry, prefix: string) {
    this.#registry = registry;
    this.#prefix = prefix;
  }

  /**
   * Describes a metric.
   *
   * @throws ConfigError when the registry has one of this name
   */
  take<L extends string>(suffix: string, help: string, labels: readonly L[]): Described<L> {
    const name = this.#prefix + suffix;
    if (this.#registry.getSingleMetric(name)) {
      this.release();
      const remedy = 'has metrics of this name already: give each router a metrics.prefix of its own';
      throw new ConfigError('metrics.register', remedy, { value: name });
    }
    this.#taken.push(name);
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }

  /** Takes all of them out of the registry. */
  release(): void {
    for (const name of this.#taken.splice(0)) this.#registry.removeSingleMetric(name);
  }
}
