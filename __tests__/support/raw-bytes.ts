import { connect } from 'node:net';

const END_MS = 20_000;

/** One answer as it is on the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const TURNS = 20;

/**
 * Sends bytes over a connection of their own and waits for all that comes back; rejects when it does not end.
 *
 * @param isAsked - whether the last request asks for the end; Node's server drops what is under way when a caller ends first
 */
export function exchange(port: number, chunks: readonly Buffer[], isAsked: boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const received: Buffer[] = [];
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end within ${END_MS} ms after ${Buffer.concat(received).toString('latin1').slice(0, 500)}`));
    }, END_MS);
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    // A server may close before all is written.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(received));
    });
    void (async () => {
      for (const chunk of chunks) {
        socket.write(chunk);
        await new Promise(setImmediate);
      }
      if (isAsked) return;
      for (let turn = 0; turn < TURNS; turn += 1) await new Promise(setImmediate);
      socket.end();
    })();
  });
}

const NO_CHUNKS = '0\r\n\r\n';
const NEXT = 'HTTP/1.1 ';

/** The answers one after another; throws where the bytes are no HTTP/1.1. Those to HEAD have no body. */
export function answersIn(bytes: Buffer, mayBeHead: boolean): readonly RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const end = rest.indexOf('\r\n\r\n');
    const [line = '', ...fields] = rest.subarray(0, Math.max(0, end)).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1]);
    if (end === -1 || Number.isNaN(status)) throw new Error(`no answer: ${rest.toString('latin1').slice(0, 500)}`);
    const headers = Object.fromEntries(
      fields.map((field) => {
        const [, name, value] = /^([\w-]+): ?(.*)$/.exec(field) ?? [];
        if (name === undefined || value === undefined) throw new Error(`no header: ${JSON.stringify(field)}`);
        return [name.toLowerCase(), value];
      }),
    );
    rest = rest.subarray(end + 4);
    if (status === 100) continue;
    const isEmpty =
      status === 204 || (mayBeHead && (rest.length === 0 || rest.toString('latin1', 0, NEXT.length) === NEXT));
    // Node's own 417 comes as no chunks at all.
    const none =
      headers['transfer-encoding'] === 'chunked' && rest.toString('latin1', 0, NO_CHUNKS.length) === NO_CHUNKS;
    if (none) rest = rest.subarray(NO_CHUNKS.length);
    const length = isEmpty ? 0 : Number(headers['content-length'] ?? 0);
    if (rest.length < length) throw new Error(`a body that is cut off: ${rest.length} of ${length} bytes`);
    answers.push({ status, headers, body: rest.subarray(0, length) });
    rest = rest.subarray(length);
  }
  return answers;
}
