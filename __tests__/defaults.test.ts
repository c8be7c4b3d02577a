import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { post } from './support/post';
import { serving } from './support/serve';

const serve = serving();
const server = (script: string): { command: string; args: string[] } => ({
  command: process.execPath,
  args: [path.join(__dirname, 'support/servers', script)],
});

describe('one connection', () => {
  it('keeps all that is written to a server that has it in memory', async () => {
    const { url, mcpo } = await serve({ servers: { notes: server('notes.js') } });
    const notes = Array.from({ length: 100 }, (_, n) => `note ${String(n)}`);
    const answers = await Promise.all(notes.map((note) => post(`${url}/notes/add`, { args: { note } })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const { body } = await post(`${url}/notes/list`);
    expect([...(body as string[])].sort()).toEqual(notes.sort());
    expect(mcpo.stats.servers.notes?.connections).toBe(1);
  });
});

describe('writes of a server that loses those that overlap', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'mcpo-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  async function kept(name: string, server: object, options: object = {}): Promise<number> {
    const file = path.join(folder, 'notes.json');
    writeFileSync(file, '[]');
    const command = process.execPath;
    const args = [path.join(__dirname, 'support/servers/racy.js'), file, name];
    const { url } = await serve({ servers: { racy: { command, args, ...server } }, share: false, ...options });
    const writes = Array.from({ length: 100 }, (_, note) => post(`${url}/racy/add`, { args: { note } }));
    // They would wait for ever if reads took turns, too.
    const reads = [post(`${url}/racy/read`), post(`${url}/racy/read`)];
    const answers = await Promise.all([...writes, ...reads]);
    const count = answers.filter(({ status }) => status === 200).length;
    return count === 102 ? (JSON.parse(readFileSync(file, 'utf8')) as unknown[]).length : NaN;
  }

  it('are all kept when they run one at a time, reads beside them', async () => {
    expect(await kept('own', { concurrency: { writes: 1 } })).toBe(100);
  });

  it('are all kept where the server is known', async () => {
    expect(await kept('memory-server', {})).toBe(100);
  });

  it('are lost otherwise', async () => {
    const count = await kept('memory-server', {}, { corrections: false });
    // Overlapping writes may also leave the file as no JSON, and later ones fail.
    expect(count === 100).toBe(false);
  });
});

describe('servers that start', () => {
  it('take turns, four at a time, and none is killed for being late', async () => {
    const slow = path.join(__dirname, 'support/servers/stdio-server.js');
    const one = {
      command: process.execPath,
      args: [slow],
      pool: { connectTimeoutMs: 5_000, acquireTimeoutMs: 120_000 },
    };
    const servers = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`s${String(n)}`, one]));
    const { mcpo } = await serve({ servers });
    const states = Object.values(mcpo.stats.servers);
    expect(new Set(states.map(({ state, errors }) => `${state} ${String(errors)}`))).toEqual(new Set(['up 0']));
  });
});
