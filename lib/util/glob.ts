/**
 * Whether a name fits one of the patterns, in which `*` stands for any run of characters and `?` for one.
 *
 * Tool names come from elsewhere and may hold anything, so that the rules of file globs (`*` stops at `/`, does not
 * fit `..`) would let a name slip past an `exclude`.
 */
export function glob(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.length === 0) return () => false;
  const alternatives = patterns.map((pattern) =>
    pattern
      .replace(/\*+/g, '*')
      .replace(/[\\^$.+()[\]{}|/]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.'),
  );
  const expression = new RegExp(`^(?:${alternatives.join('|')})$`, 'su');
  return (name) => expression.test(name);
}
