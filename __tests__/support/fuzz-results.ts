import fc from 'fast-check';
import { type Json, json, name, nested, objectOf, objects, scalar, text, wild } from './fuzz-values';

const TYPES = ['text', 'image', 'audio', 'resource', 'resource_link', 'hologram', 'constructor', '__proto__', ''];
const MIME_TYPES = ['image/png', 'text/plain; charset=utf-8', '', 'x\r\ny', '"', 'a,b'];
const JSON_TEXTS = fc.oneof(json, wild).map((value) => JSON.stringify(value, null, 1));
const LONG = [
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `["\ud800",${'['.repeat(20_000)}${']'.repeat(20_000)}]`,
  `{"n":${'9'.repeat(500)}}`,
  'long '.repeat(20_000),
];

/** A member that is mostly as it should be, seldom missing, seldom of any type. */
function mostly(value: fc.Arbitrary<Json>, key: string): fc.Arbitrary<[string, Json][]> {
  const one = (arbitrary: fc.Arbitrary<Json>): fc.Arbitrary<[string, Json][]> => arbitrary.map((each) => [[key, each]]);
  return fc.oneof(
    { weight: 12, arbitrary: one(value) },
    { weight: 1, arbitrary: one(json) },
    { weight: 1, arbitrary: fc.constant<[string, Json][]>([]) },
  );
}

function record(members: Readonly<Record<string, fc.Arbitrary<Json>>>): fc.Arbitrary<Record<string, Json>> {
  const all = Object.entries(members).map(([key, value]) => mostly(value, key));
  const extra = fc.oneof(
    { weight: 5, arbitrary: fc.constant<[string, Json][]>([]) },
    fc.tuple(name, json).map((member): [string, Json][] => [member]),
  );
  return fc.tuple(...all, extra).map((parts) => objectOf(parts.flat()));
}

const anyText = fc.oneof(
  { weight: 20, arbitrary: text },
  { weight: 10, arbitrary: JSON_TEXTS },
  { weight: 1, arbitrary: fc.constantFrom(...LONG) },
);
const base64 = fc.oneof(fc.constantFrom('', 'aGk=', 'aGk', '!'), text);
const mimeType = fc.oneof(fc.constantFrom(...MIME_TYPES), text);
const uri = fc.oneof(fc.constantFrom('file:///a', 'http://x/%', ''), text);
const annotations = objects(json);

const item: fc.Arbitrary<Json> = fc.oneof(
  { weight: 6, arbitrary: record({ type: fc.constant('text'), text: anyText }) },
  { weight: 2, arbitrary: record({ type: fc.constantFrom('image', 'audio'), data: base64, mimeType, annotations }) },
  {
    weight: 2,
    arbitrary: record({ type: fc.constant('resource'), resource: record({ uri, mimeType, text: anyText }) }),
  },
  {
    weight: 1,
    arbitrary: record({ type: fc.constant('resource'), resource: record({ uri, mimeType, blob: base64 }) }),
  },
  {
    weight: 2,
    arbitrary: record({ type: fc.constant('resource_link'), uri, name: text, mimeType, description: text }),
  },
  { weight: 1, arbitrary: record({ type: fc.oneof(fc.constantFrom(...TYPES), json), text: anyText, data: base64 }) },
  { weight: 1, arbitrary: json },
);

/** Much that is odd. */
const anyResult: fc.Arbitrary<Json> = record({
  content: fc.array(item, { maxLength: 3 }),
  structuredContent: wild,
  isError: fc.constantFrom(true, false, 'true', 1, null),
  _meta: fc.oneof(objects(json), record({ progressToken: scalar })),
});

/** What a `tools/call` may be answered with: mostly what MCP has, with something missing, odd or too much here and there. */
export const result: fc.Arbitrary<Json> = fc.oneof(
  { weight: 10, arbitrary: record({ content: fc.array(item, { maxLength: 1, minLength: 1 }) }) },
  { weight: 5, arbitrary: record({ content: fc.array(item, { maxLength: 4 }) }) },
  { weight: 3, arbitrary: record({ content: fc.array(item, { maxLength: 1 }), structuredContent: objects(wild) }) },
  { weight: 2, arbitrary: record({ content: fc.array(item, { maxLength: 2 }), isError: fc.constant(true) }) },
  { weight: 2, arbitrary: anyResult },
  {
    weight: 1,
    arbitrary: record({
      structuredContent: fc.constantFrom(300, 5_000, 20_000).map((levels) => ({ a: nested(levels) })),
    }),
  },
  { weight: 1, arbitrary: json },
);

/** An error as JSON-RPC has it. */
export const rpcError: fc.Arbitrary<{ code: number; message: string; data: Json }> = fc
  .tuple(
    fc.oneof(fc.constantFrom(-32700, -32600, -32601, -32602, -32603, -32000, -32001, 0), fc.integer()),
    anyText,
    json,
  )
  .map(([code, message, data]) => ({ code, message, data }));
