/** The remedy for a host's client that does not return Buffers. */
const REMEDY =
  'sendCommand must resolve with bulk replies as Buffers: node-redis needs ' +
  'client.sendCommand(args, { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } }), ioredis and iovalkey ' +
  'client.callBuffer(command, ...args)';

/** A bulk reply. Throws a TypeError with the remedy if the host's client returns strings. */
export function bulk(reply: unknown): Buffer | undefined {
  if (reply === null || reply === undefined) return undefined;
  if (!Buffer.isBuffer(reply)) throw new TypeError(REMEDY);
  return reply;
}

/** A bulk reply as text. */
export function text(reply: unknown): string | undefined {
  return bulk(reply)?.toString('latin1');
}

/** Two bulk replies, such as of `MGET` with two keys. */
export function pair(reply: unknown): readonly [Buffer | undefined, Buffer | undefined] {
  const [first, second] = list(reply);
  return [bulk(first), bulk(second)];
}

/** A list of bulk replies as UTF-8 texts. */
export function texts(reply: unknown): string[] {
  // With RESP 3, node-redis returns a Set.
  const members = reply instanceof Set ? [...reply] : list(reply);
  return members.flatMap((member) => bulk(member)?.toString() ?? []);
}

/** The reply of `SCAN`: the keys, and the next cursor. */
export function scanned(reply: unknown): { readonly cursor: string; readonly keys: readonly string[] } {
  const [cursor, keys] = list(reply);
  return { cursor: text(cursor) ?? '0', keys: texts(keys) };
}

/** Ignores a reply. */
export function ignored(): void {
  return undefined;
}

function list(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new TypeError('Redis did not reply with a list');
  return reply;
}
