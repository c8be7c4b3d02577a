/**
 * Makes a test of names: whether one matches any of the patterns. `*` stands for any characters, `?` for one.
 *
 * Unlike in file globs, `*` matches `/` and `..`: tool names may hold anything, and none must slip past an `exclude`.
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
