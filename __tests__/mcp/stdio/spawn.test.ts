import childProcess, { ChildProcess } from 'node:child_process';
import { BufferedBytes } from '../../../lib/util/buffered-bytes';
import { Connection } from '../../../lib/mcp/session/connection';
import { StdioTransport } from '../../../lib/mcp/stdio/transport';
import { silent } from '../../support/loggers';
import { callOptions, openOptions, scripted, textOf } from '../../support/stdio';

afterEach(() => {
  jest.restoreAllMocks();
});

const systemError = (code: string): Error => Object.assign(new Error(`spawn node ${code}`), { code });

/** What Node gives where there are no descriptors for the pipes: it has not even `stdio`, and the error comes later. */
function withoutPipes(code: string): ChildProcess {
  const child = Reflect.construct<[], ChildProcess>(ChildProcess, []);
  process.nextTick(() => {
    child.emit('error', systemError(code));
    child.emit('close', -24);
  });
  return child;
}

const reasons = [
  ['EMFILE', 'no file descriptors left (EMFILE); raise ulimit -n'],
  ['ENFILE', 'no file descriptors left (ENFILE); raise the limit of the system (fs.file-max)'],
  ['EAGAIN', 'no more processes are allowed (EAGAIN); raise ulimit -u'],
  ['ENOMEM', 'no memory left (ENOMEM); raise the memory limit'],
] as const;

describe.each(reasons)('a child that cannot be started for %s', (code, reason) => {
  const message = `the command ${process.execPath} cannot be started: ${reason}`;

  it('and has no pipes is a failed start', async () => {
    jest.spyOn(childProcess, 'spawn').mockImplementation(() => withoutPipes(code));
    const transport = new StdioTransport(scripted(), silent, new BufferedBytes(Infinity));
    const onclose = jest.fn();
    transport.onclose = onclose;
    await expect(transport.start()).rejects.toMatchObject({ message, cause: { code } });
    expect(onclose).toHaveBeenCalledTimes(1);
    expect(transport.pid).toBeUndefined();
    await expect(transport.send({ jsonrpc: '2.0', method: 'x' })).rejects.toMatchObject({ code: 'MCPO_SERVER_DOWN' });
    await transport.close();
  });

  it('and of which Node throws is a failed start', async () => {
    jest.spyOn(childProcess, 'spawn').mockImplementation(() => {
      throw systemError(code);
    });
    const failed = Connection.open(scripted(), openOptions());
    await expect(failed).rejects.toMatchObject({
      code: 'MCPO_SERVER_DOWN',
      message: `the MCP server cannot be reached: ${message}`,
    });
  });
});

it('a child can be started once there are descriptors again', async () => {
  jest.spyOn(childProcess, 'spawn').mockImplementationOnce(() => withoutPipes('EMFILE'));
  await expect(Connection.open(scripted(), openOptions())).rejects.toMatchObject({ code: 'MCPO_SERVER_DOWN' });
  const connection = await Connection.open(scripted(), openOptions());
  try {
    expect(await textOf(connection, 'echo', { text: 'here' })).toBe('here');
    await expect(connection.call('echo', { text: 'x' }, callOptions())).resolves.toBeDefined();
  } finally {
    await connection.close();
  }
}, 20_000);
