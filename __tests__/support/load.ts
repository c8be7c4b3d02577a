import type { Tool } from '@modelcontextprotocol/sdk/types.js';
import { Lab, text } from './lab';
import { post } from './post';

/** Calls a tool a second or so; how often, and with which arguments. */
interface Habit {
  readonly tool: string;
  readonly perSecond: number;
  /** How many different arguments there are: the fewer, the more is answered by the cache. */
  readonly variety: number;
}

const read = { annotations: { readOnlyHint: true } } satisfies Partial<Tool>;

/** Servers whose tools take their time, for a router that is to be seen at work. */
export function busyServers(): { readonly docs: Lab; readonly files: Lab; readonly index: Lab; readonly tickets: Lab } {
  const taking =
    (ms: number, spread: number): (() => Promise<ReturnType<typeof text>>) =>
    async () => {
      await new Promise((resolve) => setTimeout(resolve, ms + spread * Math.random() ** 3));
      return text('{"ok":true}');
    };
  const failing = async (): Promise<ReturnType<typeof text>> => {
    const result = await taking(20, 60)();
    return Math.random() < 0.3 ? { ...text('the index is being rebuilt'), isError: true } : result;
  };
  return {
    docs: new Lab().tool('search_pages', taking(15, 180), read).tool('get_page', taking(4, 30), read),
    files: new Lab()
      .tool('read_file', taking(2, 12), read)
      .tool('list_directory', taking(3, 10), read)
      .tool('write_file', taking(8, 40)),
    index: new Lab().tool('rebuild', failing),
    tickets: new Lab().tool('find_ticket', taking(40, 400), read).tool('create_ticket', taking(90, 300)),
  };
}

const HABITS: readonly Habit[] = [
  { tool: 'docs/search_pages', perSecond: 40, variety: 60 },
  { tool: 'docs/get_page', perSecond: 70, variety: 25 },
  { tool: 'index/rebuild', perSecond: 9, variety: 1 },
  { tool: 'files/read_file', perSecond: 55, variety: 40 },
  { tool: 'files/list_directory', perSecond: 25, variety: 8 },
  { tool: 'files/write_file', perSecond: 0.4, variety: 1_000 },
  { tool: 'tickets/find_ticket', perSecond: 18, variety: 200 },
  { tool: 'tickets/create_ticket', perSecond: 1, variety: 1_000 },
];

/** Calls tools of {@link busyServers} until it is stopped, sometimes more and sometimes less. */
export function startLoad(url: string): () => Promise<void> {
  const running = new Set<Promise<unknown>>();
  const begun = Date.now();
  const timer = setInterval(() => {
    const wave = 0.75 + 0.5 * Math.sin((Date.now() - begun) / 7_000);
    for (const { tool, perSecond, variety } of HABITS) {
      if (Math.random() > (perSecond / 50) * wave) continue;
      const call = post(`${url}/${tool}`, { args: { n: Math.floor(variety * Math.random()) } });
      running.add(call);
      void call.catch(() => undefined).finally(() => running.delete(call));
    }
  }, 20);
  return async () => {
    clearInterval(timer);
    await Promise.allSettled(running);
  };
}
