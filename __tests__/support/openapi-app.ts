import type { AddressInfo } from 'node:net';
import type { Tool } from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import { mcpoRouter } from '../../lib';
import { Lab, text } from './lab';
import { silent } from './loggers';

type Schema = Tool['inputSchema'];

/** What it cost to describe the tools, in milliseconds of processor time. */
export interface Cost {
  readonly total: number;
  /** The longest turn of the event loop. */
  readonly turn: number;
}

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const named = (count: number, make: (index: number) => unknown): Record<string, object> =>
  Object.fromEntries(many(count, (n) => [`p${n}`, make(n)])) as Record<string, object>;

/** A tool as real servers have them: about 4 KB. */
function realTool(n: number): Partial<Tool> {
  const description = `What the argument means, in a sentence or two, with an example such as "value ${n}".`;
  const properties = named(12, (i) =>
    i % 4 === 0
      ? { type: 'array', description, items: { $ref: '#/$defs/Filter' } }
      : { type: ['string', 'number', 'boolean'][i % 3], description, ...(i % 4 === 1 && { default: i }) },
  );
  const Filter = {
    type: 'object',
    properties: {
      field: { type: 'string', pattern: '^[a-z_]{1,64}$', description },
      op: { enum: ['eq', 'ne', 'lt', 'gt'] },
      value: {
        anyOf: [
          { type: 'string', format: 'date-time' },
          { type: 'number', minimum: n },
        ],
      },
    },
    required: ['field', 'op'],
    additionalProperties: false,
  };
  const inputSchema = { type: 'object' as const, properties, required: ['p1', 'p2'], $defs: { Filter } };
  return { description: description.repeat(4), inputSchema, outputSchema: { ...inputSchema, required: [] } };
}

/** Schemas made to take long, by how large they are. */
const HOSTILE: readonly ((size: number) => object)[] = [
  (size) => ({ $id: 'a'.repeat(size), properties: named(size / 100, () => ({ $ref: '#/$defs/x' })), $defs: { x: {} } }),
  (size) => ({ $id: `x:/${'/'.repeat(size)}`, properties: { a: { $ref: '' }, b: { $ref: '#' } } }),
  (size) => ({ properties: named(size / 40, (n) => ({ $id: `i${n}`, properties: { a: { $ref: '#' } } })) }),
  (size) => ({
    properties: named(size / 80, (n) => ({ $id: `i${n}`, anyOf: [{ $dynamicRef: '#a' }, { $ref: `i${n + 1}` }] })),
  }),
  (size) => ({ $id: 'b'.repeat(size / 2), $defs: named(size / 60, (n) => ({ $anchor: `a${n}`, $ref: `#a${n + 1}` })) }),
  (size) => ({
    properties: { a: { $ref: `#/${'a/'.repeat(size / 2)}` }, b: { $ref: `${'c/../'.repeat(size / 5)}d` } },
  }),
  (size) => ({ properties: named(size / 100, () => ({ $ref: `x/${'%41'.repeat(20)}#${'/a'.repeat(10)}` })) }),
  (size) => ({
    properties: named(size / 60, (n) => ({ $ref: `#/$defs/p${n}` })),
    $defs: named(size / 60, (n) => ({ $ref: `#/$defs/p${n + 1}` })),
  }),
  (size) =>
    many(25, (n) => n).reduce<object>(
      (inner, n) => ({ $id: `${n}/${'d'.repeat(size / 50)}/`, properties: { a: inner, b: { $ref: '../x' } } }),
      {},
    ),
  (size) => {
    const levels = many(25, (n) => `#${'/items'.repeat(n + 1)}`);
    const deepest: object = { required: many(size / 8, (n) => `r${n}`), description: 'e'.repeat(size / 2) };
    return { ...levels.reduce((items) => ({ items }), deepest), anyOf: levels.map(($ref) => ({ $ref })) };
  },
  (size) => ({ properties: named(size / 12, () => ({})) }),
];

/** Two characters of their own for each number up to 4,095. */
const pair = (n: number): string =>
  Buffer.from([n >> 4, (n & 15) << 4])
    .toString('base64url')
    .slice(0, 2);

const LABS: Readonly<Record<string, () => Lab>> = {
  real: () => many(400, (n) => n).reduce((lab, n) => lab.tool(`tool_${n}`, () => text('1'), realTool(n)), new Lab()),
  hostile: () =>
    many(3_000, (n) => n).reduce((lab, n) => {
      const make = HOSTILE[n % HOSTILE.length];
      // A few as large as a schema may be.
      const schema = { ...make?.(n < HOSTILE.length ? 200_000 : 4_000), type: 'object' } as Schema;
      const name = `${'n'.repeat(57)}${pair(n >> 1)}${n % 2 ? '天' : '気'}`;
      return lab.tool(name, () => text('1'), { inputSchema: schema, outputSchema: schema });
    }, new Lab()),
};

/** An app that tells its parent where it listens and, when asked, what it has cost since it was asked the last time. */
async function main(lab: Lab): Promise<void> {
  const app = express();
  const mcpo = mcpoRouter({ servers: { lab: { connect: lab.connect } }, logger: silent });
  app.use('/mcp', mcpo);
  await mcpo.ready();
  const server = app.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.send?.(`http://127.0.0.1:${port}/mcp`);
  });
  let last = { cpu: process.cpuUsage(), wall: performance.now() };
  let cost: Cost = { total: 0, turn: 0 };
  const watch = (): void => {
    const { user, system } = process.cpuUsage(last.cpu);
    // The processor time has that of other threads in it.
    const turn = Math.min((user + system) / 1_000, performance.now() - last.wall);
    cost = { total: cost.total + turn, turn: Math.max(cost.turn, turn) };
    last = { cpu: process.cpuUsage(), wall: performance.now() };
    setImmediate(watch);
  };
  watch();
  process.on('message', () => {
    process.send?.(cost);
    cost = { total: 0, turn: 0 };
  });
}

void main((LABS[process.argv[2] ?? ''] as () => Lab)());
