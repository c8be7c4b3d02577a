/**
 * Whether two JSON values are the same: the order of members does not count, nor the sign of zero.
 *
 * Members called `valueOf`, `toString` or `constructor` are members like others, which they are not for libraries that
 * compare any JavaScript value. As deep as the values are, so deep goes the recursion.
 */
export function jsonEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (!isComposite(one) || !isComposite(other) || Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && jsonEqual(one[key], other[key]))
  );
}

function isComposite(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
