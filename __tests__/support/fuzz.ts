import { inspect } from 'node:util';
import fc from 'fast-check';
import { SEED } from './seed';
import { atScale } from './tier';

const SCALE = Number(process.env.FUZZ_SCALE ?? atScale(0.25, 4));
const RUN_MS = 30_000;

/** How many requests each file makes, and how many tool lists and results it has a server give, at least, at a scale of 1. */
export const SHARES = {
  arguments: { requests: 30_000, answers: 0 },
  results: { requests: 24_000, answers: 24_000 },
  lists: { requests: 2_000, answers: 1_000 },
  headers: { requests: 30_000, answers: 0 },
  bytes: { requests: 15_000, answers: 0 },
  stdio: { requests: 1_800, answers: 1_800 },
  http: { requests: 3_000, answers: 3_000 },
} as const;

/** How often to do what is to be done so often; the environment's `FUZZ_SCALE` multiplies it. */
export function scaled(times: number): number {
  return Math.max(1, Math.ceil(times * SCALE));
}

/**
 * Runs a property over so many random cases, in batches whose cases may be under way at the same time. Prints its seed;
 * `FC_SEED` gives the same cases again, and has the first that fails made smaller.
 */
export async function fuzz<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  { cases, batch }: { readonly cases: number; readonly batch: number },
  property: (batch: readonly T[]) => Promise<void>,
): Promise<void> {
  process.stdout.write(`fuzz ${name}: FC_SEED=${SEED}\n`);
  const batches = fc.array(arbitrary, { minLength: batch, maxLength: batch });
  const { failed, errorInstance, interrupted, counterexamplePath } = await fc.check(
    fc.asyncProperty(batches, property).beforeEach(() => undefined),
    {
      seed: seedOf(name),
      numRuns: scaled(cases / batch),
      endOnFailure: process.env.FC_SEED === undefined,
      timeout: RUN_MS,
    },
  );
  if (!failed && !interrupted) return;
  const reason =
    errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : String(errorInstance);
  throw new Error(`FC_SEED=${SEED}, at ${counterexamplePath ?? '?'}: ${reason}`, { cause: errorInstance });
}

/** Each property has cases of its own. */
function seedOf(name: string): number {
  return Array.from(name).reduce((seed, char) => (Math.imul(seed, 31) + char.charCodeAt(0)) | 0, SEED);
}

/** A case of a failed property, short enough to be read. */
export function shown(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    // What is too deep for that.
    text = inspect(value, { depth: 8 });
  }
  return text.length <= 2_000 ? text : `${text.slice(0, 2_000)}… (${text.length} characters)`;
}
