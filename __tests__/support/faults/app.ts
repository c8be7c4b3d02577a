import { createHook } from 'node:async_hooks';
import type { ServerOptions } from 'node:http';
import { type McpoOptions, type McpoRouter, mcpoRouter } from '../../../lib';
import { type Mounted, inPlainHttp } from '../hosts';
import { silent } from '../loggers';

/** What the app is asked for. */
export type Order =
  | { readonly what: 'open'; readonly options: McpoOptions; readonly http?: ServerOptions | undefined }
  | { readonly what: 'calls' }
  | { readonly what: 'look'; readonly gc: boolean }
  | { readonly what: 'close' };

/** Calls that run, have a permit, wait for one, or wait for a connection. */
export interface Calls {
  readonly running: number;
  readonly permits: number;
  readonly queue: number;
  readonly waiters: number;
  /** Those of each tool that have begun and not ended. */
  readonly tools: Readonly<Record<string, number>>;
}

/** What there is in the app at one moment. */
export interface Look {
  /** What keeps the event loop alive, by kind, and timers of which that is not true. */
  readonly resources: Readonly<Record<string, number>>;
  /** Bytes of use, which means something after a garbage collection, and the most that the process has ever had. */
  readonly held: number;
  readonly mostRss: number;
  /** What the process was warned of. */
  readonly warnings: readonly string[];
}

const warnings: string[] = [];
process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`));

// Node's list of active resources leaves out timers that do not keep the process alive, as those of the library.
const timers = new Set<number>();
createHook({
  init(id, type) {
    if (type === 'Timeout') timers.add(id);
  },
  destroy: (id) => void timers.delete(id),
}).enable();

let open: { readonly mcpo: McpoRouter; readonly mounted: Mounted } | undefined;

const orders = {
  async open(options: McpoOptions, http?: ServerOptions): Promise<string> {
    const mcpo = mcpoRouter({ ...options, logger: silent });
    await mcpo.ready();
    const mounted = await inPlainHttp.mount(mcpo, http);
    open = { mcpo, mounted };
    return mounted.url;
  },
  async close(): Promise<string> {
    await open?.mcpo.close();
    await open?.mounted.close();
    open = undefined;
    return 'closed';
  },
  async calls(): Promise<Calls> {
    return {
      running: open?.mcpo.stats.running ?? 0,
      permits: open?.mcpo.limiter.current ?? 0,
      queue: open?.mcpo.limiter.waiting ?? 0,
      waiters: await waiters(open?.mcpo),
      tools: Object.fromEntries(
        Object.entries(open?.mcpo.monitor.all() ?? {}).map(([tool, { current_concurrent: current }]) => [
          tool,
          current,
        ]),
      ),
    };
  },
  look(gc: boolean): Look {
    if (gc) globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    const resources: Record<string, number> = { timers: timers.size };
    for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
    return {
      resources,
      held: heapUsed + external,
      mostRss: process.resourceUsage().maxRSS * 1024,
      warnings,
    };
  },
};

async function waiters(mcpo: McpoRouter | undefined): Promise<number> {
  const metric = await mcpo?.registry.getSingleMetric('mcpo_pool_waiting')?.get();
  return (metric?.values ?? []).reduce((sum, { value }) => sum + value, 0);
}

async function obey(order: Order): Promise<unknown> {
  if (order.what === 'open') return orders.open(order.options, order.http);
  if (order.what === 'look') return orders.look(order.gc);
  return orders[order.what]();
}

process.on('message', (text: string) => {
  void obey(JSON.parse(text) as Order).then((answer) => process.send?.(answer));
});
process.once('disconnect', () => process.exit());
process.send?.('ready');
