import { areEqual, decimalOf } from './decimal';

/**
 * JSON whose numbers keep their value where a double cannot hold it: large integers are `bigint`, others {@link JsonNumber}.
 *
 * JSON.parse and JSON.stringify do the work in both directions. What a double cannot hold passes them as a string with a mark
 * that nobody else knows.
 */

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const INTEGER = /^-?\d+$/;
/** Longer ones stay text: a bigint takes more than linear time. */
const MAX_BIGINT_LENGTH = 1_000;
/** A double has so many decimal digits, whatever they are, and any exponent of two digits. */
const MAX_DOUBLE_DIGITS = 15;
/** `e99`, `e-9`. */
const SHORT_EXPONENT = 3;
const MAX_QUOTED_LENGTH = 60;

const MARK = `${crypto.randomUUID()}:`;
const MARKED = new RegExp(`"${MARK}([^"]*)"`, 'g');

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * A number of JSON by its text, such as `0.12345678901234567890`, which no double is equal to. Integers are `bigint`, unless
 * they are written with an exponent or have more than 1,000 digits.
 *
 * `JSON.stringify` refuses it, as it does a `bigint`: there would be no digits left.
 */
export class JsonNumber {
  readonly text: string;

  /** @throws TypeError for a text that is no number in JSON */
  constructor(text: string) {
    if (!NUMBER.test(text)) throw new TypeError(`not a number in JSON: ${JSON.stringify(text)}`);
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  /** @throws TypeError always */
  toJSON(): never {
    throw new TypeError('JSON.stringify cannot write a JsonNumber; use its text');
  }
}

/** A number that a double cannot hold. */
export type ExactNumber = bigint | JsonNumber;

/** Any value of JSON, each number with its exact value. */
export type ExactJson =
  null | boolean | number | string | ExactNumber | readonly ExactJson[] | { readonly [name: string]: ExactJson };

export function isExactNumber(value: unknown): value is ExactNumber {
  return typeof value === 'bigint' || value instanceof JsonNumber;
}

/** Whether the number of this text is another than that of the double. */
export function isBeyondDouble(text: string): boolean {
  const double = Number(text);
  const written = String(double);
  return written !== text && (!Number.isFinite(double) || !areEqual(decimalOf(text), decimalOf(written)));
}

/** The text of a number by its value: that of RFC 8785 where a double has the value, else one of its own. */
export function canonicalNumber(text: string): string {
  if (!isBeyondDouble(text)) return String(Number(text));
  const { isNegative, digits, exponent } = decimalOf(text);
  return `${isNegative ? '-' : ''}0.${digits}e${exponent}`;
}

/** JSON that is valid, but not as it may be sent here. */
export class StrictJsonError extends Error {}

/** Like JSON.parse, but exact. @throws SyntaxError */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const { exact } = scan(text);
  return exact.length === 0 ? value : revived(JSON.parse(marked(text, exact)));
}

/**
 * The same for what a caller sends: refuses two members of one name, of which others may take the other one, and numbers that
 * overflow a double.
 *
 * @throws SyntaxError, {@link StrictJsonError}
 */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const { exact, members } = scan(text);
  if (members > 1 && members !== countMembers(value)) {
    const name = abridged(JSON.stringify(firstTwin(text)));
    throw new StrictJsonError(`the body has two members named ${name} in one object; send one of them`);
  }
  if (exact.length === 0) return value;
  for (const [start, end] of exact) {
    const number = text.slice(start, end);
    if (Number.isFinite(Number(number))) continue;
    throw new StrictJsonError(`the body holds a number that is too large: ${abridged(number)}`);
  }
  return revived(JSON.parse(marked(text, exact)));
}

/** Like JSON.stringify, but exact. @throws TypeError for a cycle */
export function stringifyJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // As of a bigint and of a JsonNumber.
    if (!(error instanceof TypeError)) throw error;
    return withoutMarks(JSON.stringify(withMarks(value)));
  }
}

/** Whether a number that a double cannot hold is in a value. Iterative. */
export function holdsExactNumber(value: unknown): boolean {
  const left = [value];
  while (left.length > 0) {
    const each = left.pop();
    if (isExactNumber(each)) return true;
    if (typeof each !== 'object' || each === null) continue;
    for (const key in each) {
      const member = (each as Record<string, unknown>)[key];
      if (typeof member === 'object' || typeof member === 'bigint') left.push(member);
    }
  }
  return false;
}

/** The same value with the nearest doubles. */
export function asDoubles(value: unknown): unknown {
  return holdsExactNumber(value) ? JSON.parse(stringifyJson(value)) : value;
}

/** A copy for somebody else's `JSON.stringify`, whose text {@link withoutMarks} makes exact; the value itself if that is the same. */
export function withMarks(value: unknown): unknown {
  if (isExactNumber(value)) return `${MARK}${String(value)}`;
  if (Array.isArray(value)) {
    const items = value.map(withMarks);
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const copies = entries.map(([key, member]) => [key, withMarks(member)] as const);
  const isSame = copies.every(([, member], index) => member === entries[index]?.[1]);
  return isSame ? value : Object.fromEntries(copies);
}

/** See {@link withMarks}. */
export function withoutMarks(json: string): string {
  return json.replace(MARKED, '$1');
}

/** JSON for somebody else's `JSON.parse`, whose value {@link revived} makes exact. */
export function forParser(json: string): string {
  const { exact } = scan(json);
  return exact.length === 0 ? json : marked(json, exact);
}

/** Puts numbers in place of marked strings, in the value itself. Iterative. */
export function revived(value: unknown): unknown {
  const root = { value };
  const left: Record<string, unknown>[] = [root];
  for (let each = left.pop(); each; each = left.pop()) {
    for (const key of Object.keys(each)) {
      const member = each[key];
      if (typeof member === 'object' && member !== null) left.push(member as Record<string, unknown>);
      else if (typeof member === 'string' && member.startsWith(MARK)) each[key] = numberOf(member.slice(MARK.length));
    }
  }
  return root.value;
}

function numberOf(text: string): ExactNumber {
  return text.length <= MAX_BIGINT_LENGTH && INTEGER.test(text) ? BigInt(text) : new JsonNumber(text);
}

/** What a text of valid JSON holds. */
interface Scan {
  /** The members of all objects. */
  readonly members: number;
  /** Where the numbers begin and end that a double cannot hold. */
  readonly exact: readonly (readonly [start: number, end: number])[];
}

const NOTHING: Scan['exact'] = [];

function scan(text: string): Scan {
  let members = 0;
  let exact: [number, number][] | undefined;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      index = closingQuote(text, index);
    } else if (code === 0x3a) {
      members += 1;
    } else if (isDigit(code) || code === 0x2d) {
      const start = index;
      let mark = 0;
      for (let next = text.charCodeAt(index + 1); isInNumber(next); next = text.charCodeAt(++index + 1)) {
        if (next > 0x39) mark = index + 1;
      }
      const end = index + 1;
      const isShort = (mark || end) - start <= MAX_DOUBLE_DIGITS && (mark === 0 || end - mark <= SHORT_EXPONENT);
      if (!isShort && isBeyondDouble(text.slice(start, end))) {
        (exact ??= []).push([start, end]);
      }
    }
  }
  return { members, exact: exact ?? NOTHING };
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Digits, `.`, `-`, `+`, `e` and `E`. */
function isInNumber(code: number): boolean {
  return isDigit(code) || code === 0x2e || code === 0x2d || code === 0x2b || code === 0x65 || code === 0x45;
}

/** The end of the string that begins at `open`. */
export function closingQuote(text: string, open: number): number {
  for (let end = text.indexOf('"', open + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

function marked(text: string, numbers: Scan['exact']): string {
  let from = 0;
  const parts: string[] = [];
  for (const [start, end] of numbers) {
    parts.push(text.slice(from, start), `"${MARK}${text.slice(start, end)}"`);
    from = end;
  }
  parts.push(text.slice(from));
  return parts.join('');
}

/** The members of all objects in a value. Iterative. */
function countMembers(value: unknown): number {
  let count = 0;
  const left = [value];
  while (left.length > 0) {
    const each = left.pop();
    if (typeof each !== 'object' || each === null) continue;
    const values = Object.values(each);
    if (!Array.isArray(each)) count += values.length;
    for (const member of values) if (typeof member === 'object') left.push(member);
  }
  return count;
}

/** The name of the first member that its object has twice. */
function firstTwin(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  let start = 0;
  let end = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (char === '{') open.push(new Set());
    else if (char === '[') open.push(undefined);
    else if (char === '}' || char === ']') open.pop();
    else if (char === '"') [start, end] = [index, (index = closingQuote(text, index))];
    else if (char === ':') {
      const name = JSON.parse(text.slice(start, end + 1)) as string;
      const names = open.at(-1);
      if (names?.has(name)) return name;
      names?.add(name);
    }
  }
  return undefined;
}

function abridged(text: string | undefined): string {
  return text === undefined || text.length <= MAX_QUOTED_LENGTH ? String(text) : `${text.slice(0, MAX_QUOTED_LENGTH)}…`;
}
