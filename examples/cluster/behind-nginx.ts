import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The ports in `nginx.conf`: of nginx, and of each instance. */
const PORTS = [8000, 8001, 8002, 8003];

/** Starts Redis, three instances and nginx on the loopback. What they write is in a folder that goes when they end. */
async function main(): Promise<void> {
  const ports = process.env.PORTS?.split(',').map(Number) ?? PORTS;
  const [port = 0, ...instancePorts] = ports;
  const folder = mkdtempSync(path.join(tmpdir(), 'mcpo-cluster-'));
  const redisPort = await freePort();

  const redis = program('redis-server', [
    '--bind',
    '127.0.0.1',
    '--port',
    `${redisPort}`,
    '--dir',
    folder,
    '--save',
    '',
  ]);
  const instances = instancePorts.map((instancePort) => {
    const env = { ...process.env, PORT: `${instancePort}`, REDIS_URL: `redis://127.0.0.1:${redisPort}` };
    return fork(path.join(__dirname, 'app.ts'), { env });
  });

  const proxies: ChildProcess[] = [];
  let ended: Promise<void> | undefined;
  const end = (): void => {
    ended ??= (async () => {
      // It answers what it has accepted, so that the instances end next, and Redis last.
      const closed = proxies.map((nginx) => ends(nginx, 'SIGQUIT'));
      await Promise.all(instances.map((instance) => ends(instance, 'SIGTERM')));
      await Promise.all([...closed, ends(redis, 'SIGTERM')]);
      rmSync(folder, { recursive: true, force: true });
      process.exit();
    })();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);

  await Promise.all(instancePorts.map(accepted));
  const config = path.join(folder, 'nginx.conf');
  writeFileSync(config, withPorts(readFileSync(path.join(__dirname, 'nginx.conf'), 'utf8'), ports));
  // As root, nginx would give its folders, which only root may enter, to somebody else.
  const directives = `daemon off;${process.getuid?.() === 0 ? ' user root;' : ''}`;
  proxies.push(program('nginx', ['-p', folder, '-c', config, '-e', 'stderr', '-g', directives]));
  await accepted(port);
  console.log(`Tools: http://127.0.0.1:${port}/mcp/docs`);
}

/** The configuration with other ports in the place of its own. */
function withPorts(config: string, ports: readonly number[]): string {
  return config.replace(/127\.0\.0\.1:(\d+)/g, (_, port) => `127.0.0.1:${ports[PORTS.indexOf(Number(port))] ?? port}`);
}

/** Starts a program that Ctrl-C does not reach, as it is to end in its turn. */
function program(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'ignore', 'inherit'] });
  child.once('error', (error) => console.error(`${command} cannot be started: ${error.message}`));
  return child;
}

/** Sends a signal, and waits for the end. */
async function ends(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

/** Waits until somebody listens on a port. */
async function accepted(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const isThere = await new Promise((resolve) => socket.once('connect', () => resolve(true)).once('error', resolve));
  socket.destroy();
  if (isThere === true) return;
  await new Promise((resolve) => setTimeout(resolve, 100));
  await accepted(port);
}

void main();
