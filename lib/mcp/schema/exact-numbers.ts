import type { Ajv } from 'ajv';
import { type Decimal, areEqual, compare, decimalOf, decimalOfDouble, isInteger, isMultiple } from '../../util/decimal';
import { isExactNumber } from '../../util/exact-json';
import type { JsonObject } from '../../util/json-object';

/**
 * A validator knows doubles only. For arguments with numbers that a double cannot hold, it gets stand-ins: doubles that are
 * integers where the numbers are, each number another one, none of them in the arguments already. Keywords of numbers look
 * up what a double stands for.
 */
export interface StandIns {
  readonly args: JsonObject;
  readonly numbers: ReadonlyMap<number, Decimal>;
}

export function withStandIns(args: JsonObject): StandIns {
  const taken = new Set<number>();
  const numbers = new Map<number, Decimal>();
  const byText = new Map<string, number>();

  function collect(value: unknown): void {
    if (typeof value === 'number') taken.add(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect);
  }

  function standIn(text: string): number {
    const number = decimalOf(text);
    const key = `${number.isNegative}.${number.digits}e${number.exponent}`;
    const known = byText.get(key);
    if (known !== undefined) return known;
    const step = isInteger(number) ? 2 ** 960 : 2 ** -960;
    let double = step * (byText.size + 1);
    while (taken.has(double)) double *= 2;
    taken.add(double);
    byText.set(key, double);
    numbers.set(double, number);
    return double;
  }

  function copy(value: unknown): unknown {
    if (isExactNumber(value)) return standIn(String(value));
    if (Array.isArray(value)) return value.map(copy);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copy(member)]));
  }

  collect(args);
  return { args: copy(args) as JsonObject, numbers };
}

/** Whether two JSON values are equal; `isNumber` decides of numbers that differ as doubles. */
type IsSame = (one: unknown, other: unknown, isNumber: (one: number, other: number) => boolean) => boolean;

/** What a double stands for; see {@link StandIns}. */
export type LookUp = (double: number) => Decimal | undefined;

interface KeywordCheck {
  (limit: unknown, value: unknown, parent?: JsonObject): boolean;
  errors?: object[];
}

const BOUNDS = {
  maximum: { sign: '<=', holds: (order: number) => order <= 0 },
  minimum: { sign: '>=', holds: (order: number) => order >= 0 },
  exclusiveMaximum: { sign: '<', holds: (order: number) => order < 0 },
  exclusiveMinimum: { sign: '>', holds: (order: number) => order > 0 },
} as const;

type Keywords = Pick<Ajv, 'addKeyword' | 'removeKeyword'>;

/** Replaces the keywords of an Ajv that judge numbers. */
export function judgeExactly(ajv: Keywords, lookUp: LookUp, isSame: IsSame): void {
  const exact = (double: number): Decimal => lookUp(double) ?? decimalOfDouble(double);

  function replace(keyword: string, check: KeywordCheck, message: (limit: unknown) => string, params: string): void {
    const validate: KeywordCheck = (limit, value, parent) => {
      if (check(limit, value, parent)) return true;
      validate.errors = [{ keyword, message: message(limit), params: { [params]: limit } }];
      return false;
    };
    ajv.removeKeyword(keyword);
    ajv.addKeyword({ keyword, ...(params === 'limit' && { type: 'number' }), errors: true, validate });
  }

  for (const [name, { sign, holds }] of Object.entries(BOUNDS)) {
    const exclusive = name === 'maximum' ? 'exclusiveMaximum' : 'exclusiveMinimum';
    const check: KeywordCheck = (limit, value, parent) => {
      // In draft-04, `exclusiveMaximum` says of `maximum` that it is exclusive.
      if (typeof limit !== 'number' || typeof value !== 'number') return true;
      const order = compare(exact(value), decimalOfDouble(limit));
      return holds(order) && !(order === 0 && parent?.[exclusive] === true);
    };
    replace(name, check, (limit) => `must be ${sign} ${String(limit)}`, 'limit');
  }
  replace(
    'multipleOf',
    (factor, value) =>
      typeof factor !== 'number' || isMultiple(exact(value as number), decimalOf(String(factor))) !== false,
    (factor) => `must be multiple of ${String(factor)}`,
    'limit',
  );
  const same = (one: unknown, other: unknown): boolean =>
    isSame(one, other, (each, double) => isNumber(each, double, lookUp));
  replace(
    'const',
    (allowed, value) => same(value, allowed),
    () => 'must be equal to constant',
    'allowedValue',
  );
  replace(
    'enum',
    (allowed, value) => (allowed as unknown[]).some((each) => same(value, each)),
    () => 'must be equal to one of the allowed values',
    'allowedValues',
  );
}

/**
 * Whether a stand-in is for the number of a schema. Schemas are read as doubles: a large integer in one may have lost its last
 * digits, and then the server decides.
 */
function isNumber(standIn: number, inSchema: number, lookUp: LookUp): boolean {
  const number = lookUp(standIn);
  if (!number) return false;
  if (areEqual(number, decimalOfDouble(inSchema))) return true;
  const nearest = Number(`${number.isNegative ? '-' : ''}0.${number.digits}e${number.exponent}`);
  return !Number.isSafeInteger(inSchema) && nearest === inSchema;
}
