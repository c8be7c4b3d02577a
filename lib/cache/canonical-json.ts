import { canonicalNumber, isExactNumber } from '../util/exact-json';
import { isClassInstance } from '../util/json-object';

/** An array or object that is being written. */
interface Frame {
  readonly parent: Frame | undefined;
  readonly depth: number;
  readonly container: Readonly<Record<string | number, unknown>>;
  /** The sorted keys of an object; `undefined` for an array. */
  readonly keys: readonly string[] | undefined;
  readonly length: number;
  index: number;
}

/** What JSON may have to escape. To call JSON.stringify for every short string takes 50 % longer. */
const SPECIAL = /["\\\u0000-\u001f\ud800-\udfff]/;

/** Cycles are looked for at this depth and at each doubling of it. */
const FIRST_CYCLE_CHECK = 1024;

/**
 * The canonical text of a JSON value: sorted members, no white space (RFC 8785, JSON Canonicalization Scheme).
 *
 * Two values have the same text exactly if they are the same JSON. A lone surrogate, which the RFC refuses, is escaped
 * as by `JSON.stringify`. Members that are `undefined` are left out. The depth is not limited by the stack.
 *
 * A number that no double is equal to has all its digits, however it is written.
 *
 * @throws TypeError for NaN, Infinity, a function, a symbol, `undefined` outside an object, a class instance
 * such as a Date, and a cycle
 */
export function canonicalJson(value: unknown): string {
  let text = '';
  let frame: Frame | undefined;
  let nextCheck = FIRST_CYCLE_CHECK;
  let current = value;
  for (;;) {
    if (typeof current === 'object' && current !== null && !isExactNumber(current)) {
      frame = open(current, frame);
      if (frame.depth === nextCheck) {
        refuseCycle(frame);
        nextCheck *= 2;
      }
      text += frame.keys ? '{' : '[';
    } else {
      text += scalar(current);
    }
    while (frame && frame.index === frame.length) {
      text += frame.keys ? '}' : ']';
      frame = frame.parent;
    }
    if (!frame) return text;
    if (frame.index > 0) text += ',';
    const key = frame.keys?.[frame.index];
    if (key !== undefined) text += `${quoted(key)}:`;
    current = frame.container[key ?? frame.index];
    frame.index++;
  }
}

function scalar(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  // RFC 8785 section 3.2.2.3 takes the number format from ECMAScript, -0 as 0 included.
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (typeof value === 'boolean' || value === null) return String(value);
  if (isExactNumber(value)) return canonicalNumber(String(value));
  throw new TypeError(`not a JSON value: ${typeof value === 'number' ? String(value) : typeof value}`);
}

function quoted(text: string): string {
  return SPECIAL.test(text) ? JSON.stringify(text) : `"${text}"`;
}

function open(container: object, parent: Frame | undefined): Frame {
  const keys = Array.isArray(container) ? undefined : sortedKeys(container as Readonly<Record<string, unknown>>);
  return {
    parent,
    depth: parent ? parent.depth + 1 : 1,
    container: container as Frame['container'],
    keys,
    length: keys ? keys.length : (container as readonly unknown[]).length,
    index: 0,
  };
}

/** The keys of an object in the order of their UTF-16 code units (RFC 8785 section 3.2.3). */
function sortedKeys(object: Readonly<Record<string, unknown>>): string[] {
  if (isClassInstance(object)) throw new TypeError('not a JSON value: an instance of a class');
  const keys = Object.keys(object);
  let sorted = true;
  let whole = true;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string;
    if (object[key] === undefined) whole = false;
    if (index > 0 && key < (keys[index - 1] as string)) sorted = false;
  }
  // Without a comparator, sort compares UTF-16 code units; so does `<`.
  if (!sorted) keys.sort();
  return whole ? keys : keys.filter((key) => object[key] !== undefined);
}

function refuseCycle(innermost: Frame): void {
  const seen = new Set<object>();
  for (let frame: Frame | undefined = innermost; frame; frame = frame.parent) {
    if (seen.has(frame.container)) throw new TypeError('not a JSON value: contains itself');
    seen.add(frame.container);
  }
}
