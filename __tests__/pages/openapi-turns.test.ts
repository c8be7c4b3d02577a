import type { OpenApiDocument } from '../../lib/pages/openapi/document';
import { Forked } from '../support/forked';
import type { Cost } from '../support/openapi-app';

let app: Forked | undefined;
afterEach(() => app?.end());

/** The document of these tools, read by three at the same time, and what it cost in the app's process. */
async function describedIn(what: string): Promise<Cost & { readonly document: OpenApiDocument }> {
  app = new Forked('openapi-app.ts', [what]);
  const url = await app.next<string>();
  // Whatever the first request costs anyway.
  await (await fetch(`${url}/health`)).text();
  await app.ask('forget');
  const texts = await Promise.all([1, 2, 3].map(async () => (await fetch(`${url}/openapi.json`)).text()));
  const cost = await app.ask<Cost>('tell');
  expect(new Set(texts).size).toBe(1);
  process.stdout.write(`${what}: ${cost.total.toFixed(0)} ms, longest turn ${cost.turn.toFixed(0)} ms\n`);
  return { ...cost, document: JSON.parse(texts[0] ?? '') as OpenApiDocument };
}

it('describes 400 tools of a real size within a second, and holds the event loop for 50 ms at most', async () => {
  const { total, turn, document } = await describedIn('real');
  expect(Object.keys(document.paths)).toHaveLength(400);
  expect(total).toBeLessThan(1_000);
  expect(turn).toBeLessThan(50);
}, 60_000);

it('holds the event loop no longer for 3,000 schemas that are made to take long', async () => {
  const { turn, document } = await describedIn('hostile');
  expect(Object.keys(document.paths)).toHaveLength(3_000);
  expect(turn).toBeLessThan(50);
}, 120_000);
