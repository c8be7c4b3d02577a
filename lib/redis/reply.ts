/** Says what is wrong with the host's client when a reply is no Buffer. */
const REMEDY =
  'sendCommand must resolve with bulk replies as Buffers: node-redis needs ' +
  'client.sendCommand(args, { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } }), ioredis and iovalkey ' +
  'client.callBuffer(command, ...args)';

/**
 * A bulk reply.
 *
 * @throws TypeError that names the remedy, when the host's client gives texts
 */
export function bulk(reply: unknown): Buffer | undefined {
  if (reply === null || reply === undefined) return undefined;
  if (!Buffer.isBuffer(reply)) throw new TypeError(REMEDY);
  return reply;
}

/** A short bulk reply as the text that it is. */
export function text(reply: unknown): string | undefined {
  return bulk(reply)?.toString('latin1');
}

/** Two bulk replies, such as those of `MGET` with two keys. */
export function pair(reply: unknown): readonly [Buffer | undefined, Buffer | undefined] {
  const [first, second] = list(reply);
  return [bulk(first), bulk(second)];
}

/** A list of bulk replies as texts in UTF-8. */
export function texts(reply: unknown): string[] {
  // node-redis makes a Set of a set in RESP 3.
  const members = reply instanceof Set ? [...reply] : list(reply);
  return members.flatMap((member) => bulk(member)?.toString() ?? []);
}

/** What `SCAN` has found, and where it goes on. */
export function scanned(reply: unknown): { readonly cursor: string; readonly keys: readonly string[] } {
  const [cursor, keys] = list(reply);
  return { cursor: text(cursor) ?? '0', keys: texts(keys) };
}

/** A reply that nobody looks at. */
export function ignored(): void {
  return undefined;
}

function list(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new TypeError('Redis did not answer with a list');
  return reply;
}
