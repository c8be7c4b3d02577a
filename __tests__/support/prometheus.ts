import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from './deferred';

/** One series of an answer: its labels, and its value now. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What promtool says, on both of its outputs; rejects with that as message when it finds a fault. */
export function promtool(args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('promtool', args, (error, stdout, stderr) => {
      const output = stdout + stderr;
      if (error) reject(new Error(output === '' ? error.message : output));
      else resolve(output);
    });
    // promtool may end without having read it.
    child.stdin?.on('error', () => undefined).end(input);
  });
}

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** A Prometheus server on the loopback. */
export class Prometheus {
  readonly #child: ChildProcess;
  readonly #data: string;
  readonly #url: string;
  #log = '';

  private constructor(child: ChildProcess, data: string, port: number) {
    this.#child = child;
    this.#data = data;
    this.#url = `http://127.0.0.1:${port}`;
    child.stderr?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
  }

  /** Starts one that can be asked. */
  static async start(config: string): Promise<Prometheus> {
    const data = await mkdtemp(path.join(tmpdir(), 'mcpo-prometheus-'));
    const port = await freePort();
    const args = [`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--web.listen-address=127.0.0.1:${port}`];
    const child = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const prometheus = new Prometheus(child, data, port);
    try {
      await Promise.race([prometheus.#ready(), once(child, 'error').then(([error]) => Promise.reject(error as Error))]);
      return prometheus;
    } catch (error) {
      await prometheus.end();
      throw error;
    }
  }

  /** Its answer to a query, for this moment. */
  async query(expression: string): Promise<readonly Sample[]> {
    const { result } = await this.#api<{ result: { metric: Sample['metric']; value: [number, string] }[] }>(
      `query?query=${encodeURIComponent(expression)}`,
    );
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** The value of a query with one series; `undefined` while there is none. */
  async value(expression: string): Promise<number | undefined> {
    const [sample] = await this.query(expression);
    return sample?.value;
  }

  /** All of its rules. */
  async rules(): Promise<readonly { readonly name: string; readonly health: string; readonly state?: string }[]> {
    const { groups } = await this.#api<{ groups: { rules: { name: string; health: string }[] }[] }>('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  /** Ends it, and removes what it has stored. */
  async end(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    await rm(this.#data, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    await until(async () => {
      if (this.#child.exitCode !== null) throw new Error(this.#log);
      const response = await fetch(`${this.#url}/-/ready`).catch(() => undefined);
      return response?.ok === true;
    }, 20_000);
  }

  async #api<T>(call: string): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${call}`);
    const body = (await response.json()) as { status: string; error?: string; data: T };
    if (body.status !== 'success') throw new Error(`${call}: ${String(body.error)}`);
    return body.data;
  }
}
