import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzip } from 'node:zlib';
import { listen } from '../hosts';
import { text } from '../lab';
import { type Rpc, answer, byHand, sendJson } from '../mcp-http';
import type { FaultCase } from './site';
import { LATE, LOST, NONSENSE, OK, type Told } from './told';

/** One answer to a call of the tool `fault`, whose number is told. */
type Answer = (res: ServerResponse, id: number, number: number, req: IncomingMessage) => unknown;

/** A fault of a server over streamable HTTP. */
interface HttpFault {
  readonly name: string;
  readonly answer: Answer;
  readonly told: Told;
  /** Where the call goes to: a tool that reads may be called again. */
  readonly reads?: boolean;
  /** The server has sessions, and forgets the first. */
  readonly forgets?: boolean;
  readonly timeoutMs?: number;
  readonly maxTotalTimeoutMs?: number;
  readonly mostMib?: number;
}

const MIB = 2 ** 20;
const STREAM = { 'Content-Type': 'text/event-stream' };
const JSON_TYPE = { 'Content-Type': 'application/json' };
const good = (res: ServerResponse, id: number): void => {
  sendJson(res, answer(id, text('good')));
};
const event = (message: string): string => `data: ${message}\n\n`;
const notification = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info' } });
const deep = '['.repeat(100_000) + ']'.repeat(100_000);

/** Writes chunks as fast as they are taken, as long as somebody takes them. */
function flood(res: ServerResponse, chunk: Buffer | string): void {
  const more = (): void => {
    while (!res.destroyed) if (!res.write(chunk)) return void res.once('drain', more);
  };
  more();
}

/** Writes something again and again, at some distance. */
function drip(res: ServerResponse, chunk: string): void {
  const timer = setInterval(() => res.write(chunk), 50);
  res.once('close', () => {
    clearInterval(timer);
  });
}

const FAULTS: readonly HttpFault[] = [
  { name: 'resets the connection', answer: (res) => res.socket?.resetAndDestroy(), told: LOST },
  {
    name: 'resets the connection of a call that reads',
    reads: true,
    answer: (res, id, number) => (number === 1 ? res.socket?.resetAndDestroy() : good(res, id)),
    told: OK,
  },
  { name: 'answers 404', answer: (res) => res.writeHead(404).end(), told: NONSENSE },
  { name: 'has forgotten the session (404)', forgets: true, answer: good, told: OK },
  { name: 'answers 401', answer: (res) => res.writeHead(401).end(), told: { status: 502, code: 'MCPO_BAD_RESPONSE' } },
  { name: 'answers 500', answer: (res) => res.writeHead(500).end('a page'), told: NONSENSE },
  { name: 'answers 503', answer: (res) => res.writeHead(503).end(), told: LOST },
  {
    name: 'answers 429 with Retry-After',
    answer: (res, id, number) => (number === 1 ? res.writeHead(429, { 'Retry-After': '1' }).end() : good(res, id)),
    // Longer than the call may take here.
    told: { status: 429, code: 'MCPO_UPSTREAM_RATE_LIMITED' },
  },
  {
    name: 'answers 429 once',
    answer: (res, id, number) => (number === 1 ? res.writeHead(429).end() : good(res, id)),
    told: OK,
  },
  { name: 'sends no headers', answer: () => undefined, told: LATE },
  {
    name: 'sends its headers slowly',
    answer: ({ socket }, id) => {
      const body = answer(id, text('good'));
      const head = 'Content-Type: application/json\r\nConnection: close';
      const whole = `HTTP/1.1 200 OK\r\n${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      let sent = 0;
      const timer = setInterval(() => {
        socket?.write(whole.slice(sent, (sent += 40)));
        if (sent < whole.length) return;
        clearInterval(timer);
        socket?.end();
      }, 20);
    },
    told: OK,
  },
  {
    name: 'sends its body slowly, without an end',
    answer: (res) => {
      res.writeHead(200, JSON_TYPE);
      drip(res, ' ');
    },
    told: LATE,
  },
  { name: 'cuts its answer in the middle of JSON', answer: cut(JSON_TYPE, '{"jsonrpc":'), told: LOST },
  { name: 'cuts its answer in the middle of an event', answer: cut(STREAM, 'data: {"jsonrpc":'), told: LOST },
  { name: 'ends its event stream without an answer', answer: (res) => res.writeHead(200, STREAM).end(), told: LOST },
  {
    name: 'sends only progress',
    answer: (res, id) => {
      res.writeHead(200, STREAM);
      const params = { progressToken: id, progress: 1 };
      drip(res, event(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params })));
    },
    told: LATE,
    maxTotalTimeoutMs: 800,
  },
  {
    name: 'floods notifications',
    answer: (res, id) => {
      res.writeHead(200, STREAM);
      for (let round = 0; round < 20; round++) res.write(event(notification).repeat(1_000));
      res.end(event(answer(id, text('good'))));
    },
    told: OK,
    timeoutMs: 20_000,
  },
  {
    name: 'redirects to another origin',
    answer: (res) => res.writeHead(307, { Location: 'http://localhost:9/mcp' }).end(),
    told: NONSENSE,
  },
  {
    name: 'redirects for ever',
    answer: (res) => res.writeHead(307, { Location: '/mcp' }).end(),
    told: NONSENSE,
  },
  {
    name: 'sends a gzip bomb of 200 MB',
    answer(res) {
      const headers = { ...JSON_TYPE, 'Content-Encoding': 'gzip' };
      gzip(Buffer.alloc(200 * MIB, ' '), { level: 1 }, (_error, bomb) => res.writeHead(200, headers).end(bomb));
    },
    told: LOST,
    timeoutMs: 20_000,
  },
  {
    name: 'sends 50 MB',
    answer: (res, id) => {
      sendJson(res, answer(id, text('x'.repeat(50 * MIB))));
    },
    told: OK,
    timeoutMs: 20_000,
    mostMib: 700,
  },
  {
    name: 'sends JSON without an end',
    answer: (res) => {
      res.writeHead(200, JSON_TYPE).write('"');
      flood(res, Buffer.alloc(MIB, 'x'));
    },
    told: LOST,
    timeoutMs: 20_000,
    mostMib: 500,
  },
  {
    name: 'sends an event without an end',
    answer: (res) => {
      res.writeHead(200, STREAM).write('data: "');
      flood(res, Buffer.alloc(MIB, 'x'));
    },
    told: LOST,
    timeoutMs: 20_000,
    mostMib: 500,
  },
  {
    name: 'sends a result of 100,000 levels',
    answer: (res, id) => {
      sendJson(res, answer(id, { content: [{ type: 'thing', deep: 'DEEP' }] }).replace('"DEEP"', deep));
    },
    told: NONSENSE,
  },
  { name: 'sends rubbish', answer: (res) => res.writeHead(200, JSON_TYPE).end('rubbish'), told: NONSENSE },
  { name: 'sends a page', answer: (res) => res.writeHead(200, { 'Content-Type': 'text/html' }).end(), told: NONSENSE },
  {
    name: 'sends a result of a wrong shape',
    answer: (res, id) => {
      sendJson(res, answer(id, { content: 'text' }));
    },
    told: NONSENSE,
  },
  {
    name: 'answers with another id',
    answer: (res, id) => {
      sendJson(res, answer(id + 987_654, text('another')));
    },
    told: LOST,
  },
  {
    name: 'answers twice',
    answer: (res, id) => res.writeHead(200, STREAM).end(event(answer(id, text('good'))).repeat(2)),
    told: OK,
  },
];

function cut(headers: Readonly<Record<string, string>>, beginning: string): Answer {
  return (res) => {
    res.writeHead(200, headers).write(beginning, () => res.destroy());
  };
}

const inputSchema = { type: 'object' };

/** A server that answers `fault` and `fault-read` as it is told, and `echo` as it should. */
async function serve({
  answer: answerFault,
  forgets,
}: HttpFault): Promise<{ readonly url: string; readonly end: () => Promise<void> }> {
  let number = 0;
  let forgotten = '';
  const respond = (rpc: Rpc, res: ServerResponse, req: IncomingMessage): void => {
    const { id = NaN, method, params } = rpc;
    const session = String(req.headers['mcp-session-id']);
    if (forgets && forgotten === '' && params?.name === 'fault') forgotten = session;
    if (forgets && session === forgotten) res.writeHead(404).end();
    else if (method === 'tools/list') {
      sendJson(res, answer(id, { tools: ['echo', 'fault', 'fault-read'].map((name) => ({ name, inputSchema })) }));
    } else if (params?.name === 'echo') {
      sendJson(res, answer(id, text(String(params.arguments?.text))));
    } else if (method === 'tools/call') answerFault(res, id, ++number, req);
    else sendJson(res, answer(id, {}));
  };
  let sessions = 0;
  const { url, close } = await listen((req, res) => {
    const sessionId = forgets ? String(++sessions) : undefined;
    void byHand(respond, { ...(sessionId !== undefined && { sessionId }) })(req, res);
  });
  return { url: `${url}/mcp`, end: close };
}

/** The cases of servers over streamable HTTP. */
export const HTTP_CASES: readonly FaultCase[] = [
  ...FAULTS.map((fault): FaultCase => {
    const { name, told, reads = false, timeoutMs = 500, maxTotalTimeoutMs = 30_000, mostMib = 150 } = fault;
    const tool = reads ? 'fault-read' : 'fault';
    const pool = { minConnections: 1 };
    return {
      where: 'streamable HTTP',
      name,
      told,
      takesServer: false,
      recovers: true,
      mostMib,
      async serve() {
        const { url, end } = await serve(fault);
        return { server: { type: 'streamable-http', url, timeoutMs, maxTotalTimeoutMs, pool }, end };
      },
      call: (site) => site.tell(tool),
      options: { access: { 'faulty/echo': 'read', 'faulty/fault-read': 'read' } },
    };
  }),
];
