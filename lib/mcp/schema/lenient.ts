import type { ArgumentError } from '../../errors';
import { type JsonObject, isObject } from '../../util/json-object';
import { NOT_ALLOWED } from './arguments';

/** Each validates all arguments again. */
const MAX_ROUNDS = 5;

/**
 * How arguments that do not fit the schema of their tool are read. `'strict'`: not at all. `'lenient'`: `null` for an
 * optional property is left out, and a text is read as the number, boolean, array or object that it is the JSON of, where
 * the place is valid with it. `X-MCPO-Arguments` says what was changed.
 */
export type ArgumentReading = 'strict' | 'lenient';

/** Arguments that were read leniently. */
export interface Lenient {
  readonly args: JsonObject;
  /** The JSON Pointers (RFC 6901) of what was changed. */
  readonly at: readonly string[];
  /** What is wrong all the same. */
  readonly errors: readonly ArgumentError[] | undefined;
}

/** A value in place of another; `undefined`: the property is left out. */
type Reading = { readonly value: unknown } | undefined;

/**
 * Reads arguments leniently, as language models send them: `null` where it is forbidden is no property, and a text that does
 * not fit is the number, boolean, array or object that it is the JSON of. A change stays only if the place is valid with it.
 *
 * @param errors - what `check` has found in `args`
 */
export function readLeniently(
  args: JsonObject,
  errors: readonly ArgumentError[],
  check: (args: JsonObject) => readonly ArgumentError[] | undefined,
): Lenient {
  const readings = new Map<string, unknown>();
  const refused = new Set<string>();
  let result: Lenient = { args, at: [], errors };
  for (let round = 0; round < MAX_ROUNDS && result.errors; round += 1) {
    const tried = [...readings.keys()];
    let hasChanged = false;
    for (const { pointer, message } of result.errors) {
      const wrong = tried.find((place) => pointer === place || pointer.startsWith(`${place}/`));
      if (wrong !== undefined) {
        refused.add(wrong);
        hasChanged = readings.delete(wrong) || hasChanged;
      } else if (!readings.has(pointer) && !refused.has(pointer) && message !== NOT_ALLOWED) {
        const reading = readingAt(args, pathOf(pointer));
        if (reading) readings.set(pointer, reading.value);
        hasChanged ||= reading !== undefined;
      }
    }
    if (!hasChanged) break;
    let changed: unknown = args;
    for (const [pointer, value] of readings) changed = replaced(changed, pathOf(pointer), value);
    result = { args: changed as JsonObject, at: [...readings.keys()], errors: check(changed as JsonObject) };
  }
  return result;
}

function readingAt(args: JsonObject, path: readonly string[]): Reading {
  let parent: unknown;
  let value: unknown = args;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    parent = value;
    value = (value as JsonObject)[name];
  }
  if (value === null) return isObject(parent) ? { value: undefined } : undefined;
  return typeof value === 'string' ? parsed(value) : undefined;
}

function parsed(text: string): Reading {
  try {
    const value = JSON.parse(text) as unknown;
    const isText = typeof value === 'string' || value === null;
    return isText || !holdsExactNumbers(text) ? undefined : { value };
  } catch {
    return undefined; // no JSON
  }
}

/** Whether a double has the value of each number in a JSON text. */
function holdsExactNumbers(json: string): boolean {
  for (const [token] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g)) {
    if (!token.startsWith('"') && decimal(token) !== decimal(String(Number(token)))) return false;
  }
  return true;
}

/** A number in one form for each value: digits without zeros around them, and the power of ten. */
function decimal(number: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  const power = Number(exponent) - fraction.length + digits.length - end;
  return end === 0 ? '0' : `${sign}${digits.slice(0, end)}e${power}`;
}

/** A copy with another value at a path; `undefined` leaves the property out. */
function replaced(container: unknown, [name = '', ...path]: readonly string[], value: unknown): unknown {
  const next = (child: unknown): unknown => (path.length === 0 ? value : replaced(child, path, value));
  if (Array.isArray(container))
    return (container as unknown[]).map((item, index) => (String(index) === name ? next(item) : item));
  const entries = Object.entries(container as JsonObject).map(([key, child]) => [
    key,
    key === name ? next(child) : child,
  ]);
  return Object.fromEntries(entries.filter(([key, child]) => key !== name || child !== undefined));
}

function pathOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}
