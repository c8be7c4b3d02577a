/**
 * Makes a test of names: whether one matches any of the patterns. `*` stands for any characters, `?` for one.
 *
 * Unlike in file globs, `*` matches `/` and `..`: tool names may hold anything, and none must slip past an `exclude`.
 */
export function glob(patterns: readonly string[]): (name: string) => boolean {
  const all = patterns.map((pattern) => Array.from(pattern));
  return (name) => {
    const characters = Array.from(name);
    return all.some((pattern) => matches(pattern, characters));
  };
}

/** In a time of the product of both lengths at most: only the last `*` may have to take more. */
function matches(pattern: readonly string[], name: readonly string[]): boolean {
  let at = 0;
  let star = -1;
  let taken = 0;
  for (let next = 0; next < name.length;) {
    if (pattern[at] === '*') {
      star = at;
      taken = next;
      at += 1;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[next])) {
      at += 1;
      next += 1;
    } else if (star === -1) {
      return false;
    } else {
      taken += 1;
      next = taken;
      at = star + 1;
    }
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}
