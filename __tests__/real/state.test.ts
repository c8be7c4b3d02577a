import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type CommonServerOptions, type McpoRouter, type ServerOptions, mcpoRouter } from '../../lib';
import { inExpress5 } from '../support/hosts';
import { type LightAnswer, LightClient } from '../support/light-client';
import { silent } from '../support/loggers';
import { INSTALL_MS, install } from './install';
import { Running } from './running';
import { REAL_SERVERS, realServer } from './servers';
import { git } from './workspace';

const CALLS = 100;
const numbers = Array.from({ length: CALLS }, (_, index) => index + 1);

const running = new Running();
beforeAll(() => install(REAL_SERVERS), INSTALL_MS);
afterEach(() => running.end(), 30_000);

/** An app with these servers, by default options, in one folder. */
class App {
  readonly folder: string;
  readonly mcpo: McpoRouter;
  readonly #url: string;
  readonly #client = new LightClient(CALLS);

  private constructor(folder: string, mcpo: McpoRouter, url: string) {
    this.folder = folder;
    this.mcpo = mcpo;
    this.#url = url;
    running.onEnd(() => {
      this.#client.close();
      return Promise.resolve();
    });
  }

  /** @param names - each of a file in `servers/`; a second server of one kind has a name like `sqlite.2` */
  static of(...names: readonly string[]): Promise<App> {
    return App.with({}, ...names);
  }

  /** The same with options for every server. */
  static async with(options: CommonServerOptions, ...names: readonly string[]): Promise<App> {
    const shared = await running.folder();
    const servers: Record<string, ServerOptions> = {};
    for (const name of names) {
      servers[name] = { ...(await running.start(realServer(name.replace(/\.\d$/, '')), shared)).options, ...options };
    }
    const mcpo = mcpoRouter({ servers, logger: silent });
    running.onEnd(() => mcpo.close());
    const { url, close } = await inExpress5.mount(mcpo);
    running.onEnd(close);
    await mcpo.ready();
    return new App(shared.folder, mcpo, url);
  }

  async call(tool: string, args: object = {}): Promise<unknown> {
    const answer = await this.#client.post(`${this.#url}/${tool}`, args);
    expect({ tool, ...answer }).toMatchObject({ tool, status: 200 });
    return answer.body;
  }

  /** All calls at once; each is answered with 200. */
  async burst(tool: string, argsOf: (number: number) => object): Promise<readonly unknown[]> {
    const answers = await Promise.all(
      numbers.map((number) => this.#client.post(`${this.#url}/${tool}`, argsOf(number))),
    );
    expect(answers.filter(({ status }: LightAnswer) => status !== 200)).toEqual([]);
    return answers.map(({ body }) => body);
  }
}

const inOrder = (found: Iterable<string>): number[] => Array.from(found, Number).sort((a, b) => a - b);
const found = (text: string, pattern: RegExp): number[] =>
  inOrder(Array.from(text.matchAll(pattern), ([, n]) => n ?? ''));

describe(`${String(CALLS)} writes at once end as they do one after the other`, () => {
  it.each(['memory', 'knowledge-graph', 'memory-libsql'])(
    '%s: every entity is in the graph',
    async (server) => {
      const app = await App.of(server);
      await app.burst(`${server}/create_entities`, (n) => ({
        entities: [{ name: `bird ${String(n)}`, entityType: 'bird', observations: ['quacks'] }],
      }));
      const graph = (await app.call(`${server}/search_nodes`, { query: 'bird 77' })) as object;
      expect(JSON.stringify(graph)).toContain('bird 77');
      if (server === 'memory-libsql') return;
      const { entities } = (await app.call(`${server}/read_graph`)) as { entities: readonly { name: string }[] };
      expect(inOrder(entities.map(({ name }) => name.slice('bird '.length)))).toEqual(numbers);
    },
    60_000,
  );

  it('sequential-thinking: one history has every thought', async () => {
    const app = await App.of('sequential-thinking');
    const answers = await app.burst('sequential-thinking/sequentialthinking', (n) => ({
      thought: 'the same each time',
      nextThoughtNeeded: true,
      thoughtNumber: 1,
      // Two of each: neither may be answered with the other's answer.
      totalThoughts: Math.ceil(n / 2),
    }));
    const lengths = answers.map((answer) => (answer as { thoughtHistoryLength: number }).thoughtHistoryLength);
    expect(lengths.sort((a, b) => a - b)).toEqual(numbers);
    // Nor is a thought that was thought before answered from elsewhere.
    const again = { thought: 'again', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 };
    for (const thoughtHistoryLength of [CALLS + 1, CALLS + 2]) {
      expect(await app.call('sequential-thinking/sequentialthinking', again)).toMatchObject({ thoughtHistoryLength });
    }
  }, 60_000);

  it('taskmanager: every request has a number of its own', async () => {
    // It loses parallel writes by itself, and is not in the table of those that are known to.
    const app = await App.with({ concurrency: { maxConcurrent: 1 } }, 'taskmanager');
    const answers = await app.burst('taskmanager/request_planning', (n) => ({
      originalRequest: `request ${String(n)}`,
      tasks: [{ title: 'do', description: 'it' }],
    }));
    const ids = answers.map((answer) => (answer as { requestId: string }).requestId.replace('req-', ''));
    expect(inOrder(ids)).toEqual(numbers);
  }, 60_000);

  it('sqlite: every row is in the table', async () => {
    const app = await App.of('sqlite');
    await app.call('sqlite/create_table', { query: 'CREATE TABLE birds (number INTEGER)' });
    await app.burst('sqlite/write_query', (n) => ({ query: `INSERT INTO birds VALUES (${String(n)})` }));
    const rows = String(await app.call('sqlite/read_query', { query: 'SELECT number FROM birds' }));
    expect(found(rows, /'number': (\d+)/g)).toEqual(numbers);
  }, 60_000);

  it('excel: every cell has its value', async () => {
    const app = await App.of('excel');
    const file = { path: path.join(app.folder, 'birds.xlsx') };
    await app.call('excel/create_workbook', { ...file, sheets: ['Birds'] });
    await app.burst('excel/write_range', (n) => ({
      ...file,
      sheet: 'Birds',
      at: `A${String(n)}`,
      rows: [[`bird ${String(n)}`]],
    }));
    const cells = JSON.stringify(await app.call('excel/read_range', { ...file, sheet: 'Birds' }));
    expect(found(cells, /bird (\d+)/g)).toEqual(numbers);
  }, 90_000);

  it('word: every paragraph is in the document', async () => {
    const app = await App.of('word');
    const file = { filename: path.join(app.folder, 'birds.docx') };
    await app.call('word/create_document', file);
    await app.burst('word/add_paragraph', (n) => ({ ...file, text: `bird ${String(n)}` }));
    const text = String(await app.call('word/get_document_text', file));
    expect(found(text, /bird (\d+)/g)).toEqual(numbers);
  }, 90_000);

  it('filesystem: every edit of one file is in it', async () => {
    const app = await App.of('filesystem');
    const file = path.join(app.folder, 'birds.txt');
    await writeFile(file, numbers.map((n) => `${String(n)}: egg\n`).join(''));
    await app.burst('filesystem/edit_file', (n) => ({
      path: file,
      edits: [
        {
          oldText: `\n${String(n)}: egg\n`.slice(n === 1 ? 1 : 0),
          newText: `\n${String(n)}: duck\n`.slice(n === 1 ? 1 : 0),
        },
      ],
    }));
    expect(await readFile(file, 'utf8')).toBe(numbers.map((n) => `${String(n)}: duck\n`).join(''));
  }, 60_000);
});

describe('what something else has changed is seen by the next read', () => {
  it('filesystem: files and folders', async () => {
    const app = await App.of('filesystem');
    const file = path.join(app.folder, 'notes.txt');
    for (const text of ['first', 'second']) {
      await writeFile(file, text);
      expect(await app.call('filesystem/read_text_file', { path: file })).toMatchObject({ content: text });
      await writeFile(path.join(app.folder, `${text}.txt`), '');
      const { content } = (await app.call('filesystem/list_directory', { path: app.folder })) as { content: string };
      expect(content).toContain(`${text}.txt`);
    }
  });

  it('git: changes by Git itself, and by another server of the app', async () => {
    const app = await App.of('git', 'filesystem');
    const repository = path.join(app.folder, 'repository');
    const repo = { repo_path: repository };
    const file = path.join(repository, 'a.txt');
    expect(await app.call('git/git_diff_unstaged', repo)).toContain('+two');
    await git(repository, 'checkout', '--', 'a.txt');
    expect(await app.call('git/git_diff_unstaged', repo)).not.toContain('+two');
    expect(await app.call('git/git_status', repo)).toContain('new.txt');
    await git(repository, 'add', '.');
    await git(repository, 'commit', '--quiet', '--message=by itself');
    expect(await app.call('git/git_status', repo)).not.toContain('new.txt');
    expect(JSON.stringify(await app.call('git/git_log', repo))).toContain('by itself');
    await app.call('filesystem/edit_file', { path: file, edits: [{ oldText: 'one', newText: 'three' }] });
    expect(await app.call('git/git_diff_unstaged', repo)).toContain('+three');
  });

  it('sqlite: rows written through another process', async () => {
    const app = await App.of('sqlite', 'sqlite.2');
    const count = { query: 'SELECT count(*) AS birds FROM birds' };
    await app.call('sqlite/create_table', { query: 'CREATE TABLE birds (name TEXT)' });
    for (const birds of [1, 2, 3]) {
      await app.call('sqlite.2/write_query', { query: "INSERT INTO birds VALUES ('duck')" });
      expect(String(await app.call('sqlite/read_query', count))).toContain(`'birds': ${String(birds)}`);
    }
  });

  it('everything: an operation that takes time takes it each time', async () => {
    const app = await App.of('everything');
    for (let time = 0; time < 2; time += 1) {
      const began = performance.now();
      await app.call('everything/trigger-long-running-operation', { duration: 0.3, steps: 1 });
      expect(performance.now() - began).toBeGreaterThan(290);
    }
  });
});
