/** The same bytes in memory of their own. A small Buffer is often a view of a shared block, and would keep all of it alive. */
export function ownBuffer(bytes: Buffer): Buffer {
  if (bytes.length === bytes.buffer.byteLength) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
