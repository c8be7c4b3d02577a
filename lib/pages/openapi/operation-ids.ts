/** Clients use an operationId as the name of a function, and models allow no more. */
const MAX_LENGTH = 64;
const MAX_SUFFIX = '_100000'.length;

/**
 * The operationId of each tool: its name in `[A-Za-z0-9_-]`, unique, at most 64 characters. Tools with a safe name keep it;
 * the others get `_` for other characters, and `_2`, `_3`, … for names that are taken.
 *
 * @param nameOf - the preferred name of a tool
 */
export function operationIds<T>(tools: readonly T[], nameOf: (tool: T) => string): ReadonlyMap<T, string> {
  const ids = new Map(tools.map((tool) => [tool, '']));
  const taken = new Set<string>();
  const numbers = new Map<string, number>();
  const take = (tool: T): void => {
    const stem = safe(nameOf(tool));
    // Names that differ only in what a number replaces share their numbers, or each would try those of all the others.
    const key = stem.slice(0, MAX_LENGTH - MAX_SUFFIX);
    let n = numbers.get(key) ?? 2;
    let id = stem;
    for (; taken.has(id); n += 1) {
      const suffix = `_${n}`;
      id = stem.slice(0, MAX_LENGTH - suffix.length) + suffix;
    }
    numbers.set(key, n);
    taken.add(id);
    ids.set(tool, id);
  };
  const isSafe = (tool: T): boolean => safe(nameOf(tool)) === nameOf(tool);
  tools.filter(isSafe).forEach(take);
  tools.filter((tool) => !isSafe(tool)).forEach(take);
  return ids;
}

function safe(name: string): string {
  return name.replace(/[^\w-]/gu, '_').slice(0, MAX_LENGTH);
}
