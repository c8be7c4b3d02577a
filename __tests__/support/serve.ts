import { type McpoOptions, type McpoRouter, mcpoRouter } from '../../lib';
import { type Host, inExpress5 } from './hosts';
import { silent } from './loggers';

/** A router that is ready and mounted. */
export interface Served {
  readonly mcpo: McpoRouter;
  readonly url: string;
}

/**
 * Mounts routers for the tests of a file and closes them after each test.
 *
 * @param always - options of all of them, unless a test says otherwise
 */
export function serving(
  host: Host = inExpress5,
  always: Partial<McpoOptions> = {},
): (options: McpoOptions) => Promise<Served> {
  let ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.reverse()) await end();
    ends = [];
  });
  return async (options) => {
    const mcpo = mcpoRouter({ logger: silent, drainTimeoutMs: 100, ...always, ...options });
    ends.push(() => mcpo.close());
    await mcpo.ready();
    const mounted = await host.mount(mcpo);
    ends.push(mounted.close);
    return { mcpo, url: mounted.url };
  };
}
