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
