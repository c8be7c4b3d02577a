import type { Readable } from 'node:stream';

// As much as Node reads at a time.
const FULL_CHUNK = 65_536;

/**
 * Hands on what comes over a pipe, and gives everything else its turn after a chunk that has more behind it: Node reads up
 * to 32 of them in a row, and a flood of small messages takes its time.
 */
export function readFairly(pipe: Readable, onChunk: (chunk: Buffer) => void): void {
  pipe.on('data', (chunk: Buffer) => {
    onChunk(chunk);
    if (chunk.length < FULL_CHUNK) return;
    pipe.pause();
    setImmediate(() => pipe.resume());
  });
}
