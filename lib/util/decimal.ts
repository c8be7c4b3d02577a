/** A decimal number of any size: `0.digits × 10^exponent`. Zero has no digits. */
export interface Decimal {
  readonly isNegative: boolean;
  /** Without leading and trailing zeros. */
  readonly digits: string;
  readonly exponent: number;
}

const ZERO = 0x30;
/** Beyond this distance in powers of ten, a remainder is not computed. */
const MAX_SHIFT = 10_000;

/** Reads the text of a JSON number, in linear time. */
export function decimalOf(text: string): Decimal {
  const isNegative = text.startsWith('-');
  const mark = text.search(/e/i);
  const mantissa = text.slice(isNegative ? 1 : 0, mark === -1 ? undefined : mark);
  const point = mantissa.indexOf('.');
  const whole = point === -1 ? mantissa : mantissa.slice(0, point);
  const all = point === -1 ? whole : whole + mantissa.slice(point + 1);
  let start = 0;
  let end = all.length;
  while (start < end && all.charCodeAt(start) === ZERO) start += 1;
  while (end > start && all.charCodeAt(end - 1) === ZERO) end -= 1;
  if (start === end) return { isNegative: false, digits: '', exponent: 0 };
  const power = mark === -1 ? 0 : Number(text.slice(mark + 1));
  return { isNegative, digits: all.slice(start, end), exponent: whole.length - start + power };
}

/** The exact value of a double. */
export function decimalOfDouble(value: number): Decimal {
  return decimalOf(Number.isInteger(value) ? String(BigInt(value)) : String(value));
}

/** Whether they are the same number. */
export function areEqual(one: Decimal, other: Decimal): boolean {
  return one.isNegative === other.isNegative && one.exponent === other.exponent && one.digits === other.digits;
}

/** Negative, zero or positive, as for sorting. */
export function compare(one: Decimal, other: Decimal): number {
  const sign = signOf(one);
  if (sign !== signOf(other)) return sign - signOf(other);
  if (one.exponent !== other.exponent) return sign * (one.exponent < other.exponent ? -1 : 1);
  return sign * (one.digits < other.digits ? -1 : Number(one.digits > other.digits));
}

function signOf({ isNegative, digits }: Decimal): number {
  if (digits === '') return 0;
  return isNegative ? -1 : 1;
}

export function isInteger({ digits, exponent }: Decimal): boolean {
  return digits.length <= exponent || digits === '';
}

/** Whether it is a multiple of `factor`; `undefined` where the two are too far apart to be sure. */
export function isMultiple(value: Decimal, factor: Decimal): boolean | undefined {
  if (value.digits === '' || factor.digits === '') return value.digits === '';
  const shift = value.exponent - value.digits.length - (factor.exponent - factor.digits.length);
  if (Math.abs(shift) > MAX_SHIFT || value.digits.length > MAX_SHIFT) return undefined;
  const dividend = BigInt(value.digits) * 10n ** BigInt(Math.max(0, shift));
  return dividend % (BigInt(factor.digits) * 10n ** BigInt(Math.max(0, -shift))) === 0n;
}
