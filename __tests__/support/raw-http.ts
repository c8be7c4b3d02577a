import { connect } from 'node:net';

/** What a server has sent, byte for byte, and what of it can be read. */
export interface RawResponse {
  /** 0 where the connection was closed without an answer. */
  readonly status: number;
  /** Status line and header lines, in latin1. */
  readonly lines: readonly string[];
  readonly body: string;
}

/** Sends these bytes as they are over a socket of its own, and reads until the other side closes it or says nothing for 2 s. */
export async function sendRaw(url: string, bytes: string | Buffer): Promise<RawResponse> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A server may close the connection before it has read all, which is an error where it has.
  const closed = new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve));
  // Some of what is sent leaves a server waiting for more.
  socket.setTimeout(2_000, () => socket.destroy());
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  await closed;
  const text = Buffer.concat(chunks).toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const lines = (end === -1 ? text : text.slice(0, end)).split('\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0),
    lines,
    body: end === -1 ? '' : Buffer.from(text.slice(end + 4), 'latin1').toString(),
  };
}

/** A POST with this request target and these header lines, whose body is `{}`. */
export function rawPost(target: string, lines: readonly string[] = []): string {
  const own = ['Host: localhost', 'Content-Type: application/json', 'Content-Length: 2', 'Connection: close'];
  return [`POST ${target} HTTP/1.1`, ...own, ...lines, '', '{}'].join('\r\n');
}
