import { correctionOf } from '../../lib/calls/corrections';
import type { TransportSpec } from '../../lib/mcp/transport-spec';
import { Lab, text } from '../support/lab';
import { serving } from '../support/serve';

const serve = serving(undefined, { cache: true });

const child = (command: string, ...args: string[]): TransportSpec => ({ kind: 'stdio', command, args, env: {} });
const unnamed = { transport: child('node', 'server.js'), serverName: undefined };

describe('a server is known', () => {
  const THINKING = '@modelcontextprotocol/server-sequential-thinking';
  it.each([
    child('npx', '-y', THINKING),
    child('npx', '-y', `${THINKING}@2026.8.31`),
    child('node', `/app/node_modules/${THINKING}/dist/index.js`),
    child('node', `C:\\app\\node_modules\\${THINKING.replace('/', '\\')}\\dist\\index.js`),
  ])('by its package: %j', (transport) => {
    expect(correctionOf('sequentialthinking', { transport, serverName: undefined })).toEqual({ writes: true });
    expect(correctionOf('other', { transport, serverName: undefined })).toEqual({});
  });

  it('by what it says that it is', () => {
    expect(correctionOf('browser_wait_for', { ...unnamed, serverName: 'Playwright' })).toEqual({ writes: true });
    expect(correctionOf('browser_snapshot', { ...unnamed, serverName: 'Playwright' })).toEqual({});
    const files = { ...unnamed, serverName: 'secure-filesystem-server' };
    expect(correctionOf('edit_file', files)).toEqual({ inTurn: true });
    expect(correctionOf('write_file', files)).toEqual({});
  });

  it.each([child('npx', `${THINKING}-plus`), child('npx', `my${THINKING}`), child('node', 'server.js')])(
    'by nothing else: %j',
    (transport) => {
      expect(correctionOf('sequentialthinking', { transport, serverName: 'own' })).toEqual({});
    },
  );
});

describe('a tool of Playwright that waits', () => {
  const connect = new Lab('Playwright').tool('browser_wait_for', () => text('ok'), {
    annotations: { readOnlyHint: true },
  }).connect;

  it.each([
    ['is neither cached nor shared, though it says that it reads', {}, { access: 'write', ttlMs: 0, shared: false }],
    ['is what it says, with corrections: false', { corrections: false }, { access: 'read' }],
    ['is what the operator says', { access: { '*': 'read' as const } }, { access: 'read' }],
  ])('%s', async (_what, options, expected) => {
    const { mcpo } = await serve({ servers: { browser: { connect } }, ...options });
    expect(mcpo.stats.tools['browser/browser_wait_for']).toMatchObject(expected);
  });
});
