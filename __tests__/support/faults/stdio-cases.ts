import { scripted } from '../stdio';
import type { FaultCase, Site } from './site';
import { DOWN, LATE, LOST, NONSENSE, OK, type Told } from './told';

type Args = Readonly<Record<string, unknown>>;

/** A fault of a child process. */
interface StdioFault {
  readonly name: string;
  /** The tool that is called, or what is done. */
  readonly call: string | ((site: Site) => Promise<Told>);
  readonly args?: Args;
  readonly told: Told;
  readonly mode?: string;
  readonly timeoutMs?: number;
  readonly takesServer?: boolean;
  readonly recovers?: boolean;
  readonly mostMib?: number;
}

const message = (rest: object): string => JSON.stringify({ jsonrpc: '2.0', ...rest });
const texts = (text: string): object => ({ content: [{ type: 'text', text }] });
const result = (id: unknown, text: string): string => message({ id, result: texts(text) });
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
/** A message in which `"DEEP"` is nested 100,000 levels. */
const deep = (rest: object): Args => ({ text: message(rest).replace('"DEEP"', nested(100_000)) });

/** Calls a tool, waits for what follows from it, and calls `echo`. */
const thenEcho =
  (tool: string, args: Args) =>
  async (site: Site): Promise<Told> => {
    const { status } = await site.call(tool, args);
    if (status !== 200) throw new Error(`the call before was answered with ${status}`);
    return site.tell('echo', { text: 'x' });
  };

const FAULTS: readonly StdioFault[] = [
  { name: 'crashes when it is started', mode: 'dies', call: 'echo', told: DOWN, takesServer: true, recovers: false },
  { name: 'crashes before a call', call: thenEcho('die', { length: 1 }), told: OK },
  { name: 'crashes during a call', call: 'die', told: LOST },
  {
    name: 'crashes during a call that reads',
    call: async (site) => {
      const { body } = await site.call('pid');
      return site.tell('mortal', { pid: Number(body) });
    },
    told: OK,
  },
  { name: 'crashes after its answer', call: 'die', args: { length: 100_000 }, told: OK },
  { name: 'does not answer a call', call: 'hang', told: LATE },
  { name: 'hangs as a whole', call: 'stop', told: LATE, takesServer: true },
  { name: 'answers late', call: 'late', args: { text: 'late', ms: 700 }, told: LATE },
  {
    name: 'answers twice',
    call: 'verbatim',
    args: { text: `${result('ID', 'first')}\n${result('ID', 'second')}` },
    told: OK,
  },
  { name: 'answers with another id', call: 'verbatim', args: { text: result(987_654, 'x') }, told: LATE },
  { name: 'sends rubbish before its answer', call: 'rubbish', args: { lines: ['?', '{', '[]', '\u0000'] }, told: OK },
  { name: 'sends rubbish for an answer', call: 'verbatim', args: { text: 'rubbish' }, told: LATE },
  { name: 'sends half a line and crashes', call: 'half', args: { dies: true }, told: LOST },
  { name: 'sends half a line and goes on', call: 'half', told: NONSENSE, takesServer: true },
  { name: 'sends 50 MB', call: 'big', args: { megabytes: 50 }, told: OK, timeoutMs: 20_000, mostMib: 700 },
  { name: 'sends a line without an end', call: 'endless', told: LATE, takesServer: true, mostMib: 500 },
  {
    name: 'sends a result of 100,000 levels',
    call: 'verbatim',
    args: deep({ id: 'ID', result: { content: [{ type: 'thing', deep: 'DEEP' }] } }),
    told: NONSENSE,
  },
  {
    name: 'sends structured content of 100,000 levels',
    call: 'verbatim',
    args: deep({ id: 'ID', result: { content: [], structuredContent: { deep: 'DEEP' } } }),
    told: NONSENSE,
  },
  { name: 'sends a text with JSON of 100,000 levels', call: 'echo', args: { text: nested(100_000) }, told: OK },
  {
    name: 'sends an error of 100,000 levels',
    call: 'verbatim',
    args: deep({ id: 'ID', error: { code: -32_000, message: 'deep', data: 'DEEP' } }),
    told: { status: 500, code: 'MCPO_SERVER_ERROR' },
  },
  {
    name: 'sends a notification of 100,000 levels',
    call: 'burst',
    args: { ...deep({ method: 'notifications/message', params: { level: 'info', data: 'DEEP' } }), times: 1 },
    told: OK,
  },
  {
    name: 'sends a result of a wrong shape',
    call: 'verbatim',
    args: { text: message({ id: 'ID', result: { content: 'text' } }) },
    told: NONSENSE,
  },
  {
    name: 'floods notifications',
    call: 'burst',
    args: { text: message({ method: 'notifications/message', params: { level: 'info', data: 1 } }), times: 20_000 },
    told: OK,
    timeoutMs: 20_000,
  },
  {
    name: 'floods changes of its list of tools',
    call: 'burst',
    args: { text: message({ method: 'notifications/tools/list_changed' }), times: 5_000 },
    told: OK,
    timeoutMs: 20_000,
  },
  { name: 'floods standard error', call: 'flood', args: { megabytes: 50 }, told: OK, timeoutMs: 20_000 },
  { name: 'closes its standard input', call: thenEcho('deafen', {}), told: OK, timeoutMs: 5_000 },
  { name: 'ignores SIGTERM', mode: 'stubborn', call: 'echo', args: { text: 'x' }, told: OK },
  { name: 'ignores SIGTERM during a call', mode: 'stubborn', call: 'hang', told: LATE },
];

/** The cases of child processes. */
export const STDIO_CASES: readonly FaultCase[] = FAULTS.map((fault) => {
  const { call, args, mode = 'good', timeoutMs = 500 } = fault;
  const { command, args: words } = scripted([mode]);
  const pool = { minConnections: 1, healthCheckIntervalMs: 300, pingTimeoutMs: 300 };
  return {
    where: 'stdio',
    takesServer: false,
    recovers: true,
    mostMib: 150,
    ...fault,
    serve: async () => ({ server: { command, args: words, timeoutMs, pool }, end: async () => undefined }),
    call: typeof call === 'string' ? (site) => site.tell(call, args) : call,
    options: { access: { 'faulty/echo': 'read', 'faulty/mortal': 'read' } },
  };
});
