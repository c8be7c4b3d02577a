/** Clients use an operationId as the name of a function, and models allow no more. */
const MAX_LENGTH = 64;

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
    for (let n = numbers.get(stem) ?? 1; ; n += 1) {
      const suffix = n === 1 ? '' : `_${n}`;
      const id = stem.slice(0, MAX_LENGTH - suffix.length) + suffix;
      if (taken.has(id)) continue;
      taken.add(id);
      numbers.set(stem, n + 1);
      ids.set(tool, id);
      return;
    }
  };
  const isSafe = (tool: T): boolean => safe(nameOf(tool)) === nameOf(tool);
  tools.filter(isSafe).forEach(take);
  tools.filter((tool) => !isSafe(tool)).forEach(take);
  return ids;
}

function safe(name: string): string {
  return name.replace(/[^\w-]/gu, '_').slice(0, MAX_LENGTH);
}
