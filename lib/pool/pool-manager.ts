import { ConfigError, McpoError } from '../errors';
import type { ConnectionPool } from './pool';
import { closing } from './refusals';
import type { PoolResource } from './resource';
import {
  ServerPools,
  type Credentials,
  type OpenFor,
  type ServerPoolOptions,
  type ServerPoolStats,
} from './server-pools';

/**
 * The connection pools of all servers: one of its own for each, and one for each set of credentials that callers bring,
 * so that nobody's call ever goes over a connection that was opened with the credentials of somebody else.
 */
export class PoolManager<R extends PoolResource, C extends Credentials = Credentials> {
  readonly #servers = new Map<string, ServerPools<R, C>>();
  #closing: Promise<void> | undefined;

  /** The pools of each server at this moment, by its name. */
  get stats(): ReadonlyMap<string, ServerPoolStats> {
    return new Map([...this.#servers].map(([name, pools]) => [name, pools.stats]));
  }

  /** The pools of one server at this moment. @throws McpoError `MCPO_UNKNOWN_SERVER` */
  statsOf(name: string): ServerPoolStats {
    return this.#known(name).stats;
  }

  /**
   * Makes a server known and returns its own pool, which is still to be started.
   *
   * @param open - opens a connection; is given the credentials that {@link PoolManager.get} was given
   * @throws ConfigError for an option that cannot work, or a name that is taken
   */
  add(name: string, open: OpenFor<R, C>, options: ServerPoolOptions = {}): ConnectionPool<R> {
    if (this.#closing) throw closing('the pools are closing');
    if (this.#servers.has(name)) throw new ConfigError(`servers.${name}`, 'has a pool already');
    const pools = new ServerPools(open, options);
    this.#servers.set(name, pools);
    return pools.get();
  }

  /**
   * The pool for calls to a server with these credentials. Ask anew for each call and use it at once: one of
   * credentials is closed when it has long been idle or its place is needed.
   *
   * @throws McpoError `MCPO_UNKNOWN_SERVER`; `MCPO_POOL_EXHAUSTED` when too many credentials are in use; `MCPO_CLOSING`
   */
  get(name: string, credentials?: C): ConnectionPool<R> {
    if (this.#closing) throw closing('the pools are closing');
    return this.#known(name).get(credentials);
  }

  /** See {@link ServerPools.lifeOf}. @throws McpoError as {@link PoolManager.get} */
  lifeOf(name: string, credentials: C): string {
    if (this.#closing) throw closing('the pools are closing');
    return this.#known(name).lifeOf(credentials);
  }

  /** Closes the pool of these credentials at a server, as {@link ConnectionPool.close}; `false` if there is none. */
  async remove(name: string, credentials: C, drainMs?: number): Promise<boolean> {
    return (await this.#servers.get(name)?.remove(credentials, drainMs)) ?? false;
  }

  /** Closes all pools side by side, as {@link ConnectionPool.close}. A second call joins the first. */
  close(drainMs?: number): Promise<void> {
    this.#closing ??= Promise.all([...this.#servers.values()].map((pools) => pools.close(drainMs))).then(
      () => undefined,
    );
    return this.#closing;
  }

  #known(name: string): ServerPools<R, C> {
    const pools = this.#servers.get(name);
    if (!pools) throw new McpoError('MCPO_UNKNOWN_SERVER', 'no such server');
    return pools;
  }
}
