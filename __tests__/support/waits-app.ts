import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { mcpoRouter } from '../../lib';
import { ConcurrencyLimiter, ConnectionPool, Retrier } from '../../lib/parts';

const never = new Promise<never>(() => undefined);
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up'))));
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

/** Waits that no socket and no other process keeps alive; each tells how it ended. */
const waits: Readonly<Record<string, () => Promise<unknown>>> = {
  async retry() {
    const attempt = async (number: number): Promise<number> => {
      if (number < 3) throw new Error('not yet');
      return number;
    };
    return new Retrier({}, () => 1).run(attempt, { shouldRetry: () => true });
  },
  async permit() {
    const limiter = new ConcurrencyLimiter({ maxConcurrent: 1, queueTimeoutMs: 200 });
    await limiter.acquire();
    return limiter.acquire().catch(codeOf);
  },
  async connection() {
    const pool = new ConnectionPool((signal) => aborted(signal), { acquireTimeoutMs: 200 });
    const code = await pool.acquire().catch(codeOf);
    await pool.close(0);
    return code;
  },
  async call() {
    const connect = async (): Promise<InMemoryTransport> => {
      const server = new Server({ name: 'silent', version: '1' }, { capabilities: { tools: {} } });
      const tool = { name: 'wait', inputSchema: { type: 'object' as const } };
      server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [tool] }));
      server.setRequestHandler(CallToolRequestSchema, () => never);
      const [client, other] = InMemoryTransport.createLinkedPair();
      await server.connect(other);
      return client;
    };
    const mcpo = mcpoRouter({ servers: { lab: { connect, timeoutMs: 200 } } });
    const code = await mcpo.callTool('lab', 'wait', {}).catch(codeOf);
    await mcpo.close();
    return code;
  },
};

async function main(name: string): Promise<void> {
  const end = await waits[name]?.();
  await new Promise((resolve) => process.send?.(end, resolve));
}

void main(process.argv[2] ?? '');
