import type { Logger, McpoOptions, McpoRouter } from '../../lib';
import type { Connection } from '../../lib/mcp/session/connection';
import { CatalogueRefresh } from '../../lib/mcp/tools/catalogue-refresh';
import { labelsOf } from './exposition';
import { type FuzzAnswer, FuzzClient, type FuzzRequest } from './fuzz-client';
import { faultOf } from './fuzz-answers';
import { FuzzServer } from './fuzz-server';
import { shown } from './fuzz';
import type { Host } from './hosts';
import { serving } from './serve';

/** A router with one server, `fuzz`, that says what a test has it say. */
export class Rig {
  readonly client: FuzzClient;
  /** What the router has warned of since it was last looked at. */
  readonly warnings: string[] = [];
  readonly #errors: unknown[];

  constructor(
    readonly mcpo: McpoRouter,
    readonly url: string,
    readonly server: FuzzServer,
    { warnings, errors }: { readonly warnings: string[]; readonly errors: unknown[] },
  ) {
    this.client = new FuzzClient(url);
    this.warnings = warnings;
    this.#errors = errors;
  }

  /** An answer that keeps the contract, whatever it says. */
  async send(request: FuzzRequest): Promise<FuzzAnswer> {
    const answer = await this.client.send(request);
    const fault = faultOf(answer, request.method === 'HEAD');
    if (fault !== undefined) throw new Error(`${fault}\nto ${shown({ ...request, body: request.body?.toString() })}`);
    return answer;
  }

  /** Has the server list other tools, and waits until they are read: also where they cannot be used. */
  async list(onList: FuzzServer['onList'], isRead: () => boolean): Promise<void> {
    this.server.onList = onList;
    this.server.announce();
    const deadline = performance.now() + 10_000;
    while (!isRead()) {
      if (performance.now() > deadline) throw new Error('the new tools are not taken over');
      await new Promise(setImmediate);
    }
  }

  /** What must hold when nothing is under way any more. */
  async check(tools: ReadonlySet<string>): Promise<void> {
    const { mcpo } = this;
    const deadline = performance.now() + 5_000;
    while (mcpo.stats.running > 0 && performance.now() < deadline) await new Promise(setImmediate);
    expect({ running: mcpo.stats.running, permits: mcpo.limiter.current, waiting: mcpo.limiter.waiting }).toEqual({
      running: 0,
      permits: 0,
      waiting: 0,
    });
    expect(this.#errors).toEqual([]);
    const text = (await this.client.send({ path: '/metrics', method: 'GET' })).body.toString();
    const strange = [...labelsOf(text)].filter((label) => {
      const [, key = '', value = ''] = /^\S+ (\w+)=(.*)$/s.exec(label) ?? [];
      if (key === 'server') return !['fuzz', 'unknown'].includes(value);
      return key === 'tool' && !tools.has(value.replace(/\\(.)/gs, (_, each: string) => (each === 'n' ? '\n' : each)));
    });
    expect(strange).toEqual([]);
    this.client.close();
  }
}

/** What is logged of a list that was announced and cannot be read. */
export const UNREAD = 'its list of tools cannot be read again';

/** Makes rigs for the tests of a file; whatever they emit as a warning of the process fails the test. */
export function rigs(host?: Host): (options?: Partial<McpoOptions> & { readonly entry?: object }) => Promise<Rig> {
  const serve = serving(host);
  let warned: jest.SpyInstance;
  let follow: jest.SpyInstance;
  let warnings: string[] = [];
  beforeEach(() => {
    warned = jest.spyOn(process, 'emitWarning');
    // Without the pauses between readings, which would be most of the time of these tests.
    follow = jest.spyOn(CatalogueRefresh.prototype, 'follow').mockImplementation(readAtOnce);
    function readAtOnce(this: CatalogueRefresh, connection: Connection): void {
      connection.onToolsChanged(() => {
        this.read(connection).catch((error: unknown) => warnings.push(`${UNREAD}: ${String(error)}`));
      });
    }
  });
  afterEach(() => {
    const calls: unknown = warned.mock.calls;
    for (const spy of [warned, follow]) spy.mockRestore();
    expect(calls).toEqual([]);
  });
  return async ({ entry, ...options } = {}) => {
    const server = new FuzzServer();
    const own: string[] = [];
    warnings = own;
    const errors: unknown[] = [];
    const quiet = (): void => undefined;
    const logger: Logger = {
      debug: quiet,
      info: quiet,
      warn: (...args: unknown[]) => void own.push(args.map(String).join(' ')),
      // Alerts are texts alone: most of what is called here is to fail.
      error: (first: unknown, ...rest: unknown[]) => {
        if (typeof first !== 'string') errors.push([first, ...rest]);
      },
    };
    const servers = { fuzz: { connect: server.connect, timeoutMs: 15_000, ...entry } };
    const { mcpo, url } = await serve({ logger, servers, ...options });
    return new Rig(mcpo, url, server, { warnings: own, errors });
  };
}
