import fc from 'fast-check';
import type { Json } from './fuzz-values';

/** How a value is written, from a stream of random numbers. */
type Dice = (sides: number) => number;

/** JSON text of a value as others than `JSON.stringify` may write it; seldom a text that is no JSON. */
export function jsonText(value: Json): fc.Arbitrary<string> {
  return fc.tuple(fc.nat(7), fc.nat()).map(([style, seed]) => {
    if (style > 2) return JSON.stringify(value);
    const dice = diceOf(seed);
    const text = written(value, dice);
    return style === 0 && dice(3) === 0 ? mutated(text, dice) : text;
  });
}

/** Whole numbers below a bound, the same for the same seed (xorshift). */
function diceOf(seed: number): Dice {
  let state = seed || 1;
  return (sides) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % sides;
  };
}

const BLANKS = ['', '', '', '', ' ', '\n', '\t\r '];

function written(value: Json, dice: Dice, depth = 0): string {
  // What is deep is long enough without further ado.
  if (depth > 20) return JSON.stringify(value);
  const blank = (): string => BLANKS[dice(BLANKS.length)] ?? '';
  if (Array.isArray(value))
    return value.length > 50
      ? JSON.stringify(value)
      : bracket(
          '[]',
          value.map((item) => written(item, dice, depth + 1)),
          blank,
        );
  if (typeof value === 'string') return value.length > 50 ? JSON.stringify(value) : quoted(value, dice);
  if (typeof value === 'number') return spelled(value, dice);
  if (typeof value !== 'object' || value === null) return String(value);
  const members = Object.entries(value).flatMap(([key, each]) => {
    const member = `${quoted(key, dice)}${blank()}:${blank()}${written(each, dice, depth + 1)}`;
    // The last of those with the same name counts.
    return dice(12) === 0 ? [`${quoted(key, dice)}:${dice(2)}`, member] : [member];
  });
  return bracket('{}', members, blank);
}

function bracket(brackets: '[]' | '{}', items: readonly string[], blank: () => string): string {
  return `${brackets[0] ?? ''}${blank()}${items.join(`${blank()},${blank()}`)}${blank()}${brackets[1] ?? ''}`;
}

function quoted(text: string, dice: Dice): string {
  if (dice(3) > 0) return JSON.stringify(text);
  const units = Array.from({ length: text.length }, (_, index) => {
    const unit = text.charCodeAt(index).toString(16).padStart(4, '0');
    return `\\u${dice(2) === 0 ? unit : unit.toUpperCase()}`;
  });
  return `"${units.join('')}"`;
}

function spelled(value: number, dice: Dice): string {
  if (Object.is(value, -0)) return '-0';
  switch (dice(8)) {
    case 0:
      return value.toExponential();
    case 1:
      return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
    case 2:
      return Number.isInteger(value) && Math.abs(value) < 1e6 ? `${value}e0` : String(value);
    case 3:
      // More than JavaScript can hold, or nearly.
      return (
        ['1e400', '-1e999', '1e-400', `1${'0'.repeat(400)}`, '123456789012345678901234567890', '1e+308'][dice(6)] ?? '0'
      );
    default:
      return String(value);
  }
}

/** One place cut out, doubled, or replaced by something else. */
function mutated(text: string, dice: Dice): string {
  const at = dice(text.length + 1);
  const insert =
    ['', ',', '}', ']', '{', '"', '\\', '\0', '\ufeff', 'NaN', 'undefined', '//', "'", '\u00a0', '01', '-'][dice(16)] ??
    '';
  return text.slice(0, at) + insert + text.slice(at + dice(3));
}
