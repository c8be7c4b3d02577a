import type { Tool } from './tool';

type Tools = ReadonlyMap<string, { readonly tool: Tool }>;

/** A server may list ever new names. */
const MAX_SEEN = 10_000;
const MAX_NAMED = 10;
const MAX_NAME = 100;
const MAX_DESCRIPTION = 300;

/** The changes in a list of tools. */
export interface CatalogueChanges {
  /** `warn` if the definition of a known tool has changed: an operator may have reviewed the earlier one. */
  readonly level: 'info' | 'warn';
  /** All changes, for one log line of bounded length. */
  readonly text: string;
}

/** Finds the changes of each list, also of tools that were missing for some time. */
export class CatalogueHistory {
  /** The last version of each tool. */
  readonly #seen = new Map<string, Tool>();

  /** Compares the next list with the previous one; `undefined` if nothing has changed, or for the first list. */
  take(before: Tools, after: Tools): CatalogueChanges | undefined {
    const isFirst = this.#seen.size === 0;
    const changed = [...after.values()].flatMap(({ tool }) => {
      const known = this.#seen.get(tool.name);
      return known && known.version !== tool.version ? [`${shown(tool.name, MAX_NAME)} ${changeOf(known, tool)}`] : [];
    });
    for (const { tool } of after.values()) this.#remember(tool);
    if (isFirst) return undefined;
    const changes = [...changed, ...missing(after, before, 'is new'), ...missing(before, after, 'is gone')];
    if (changes.length === 0) return undefined;
    const more = changes.length > MAX_NAMED ? `; and ${changes.length - MAX_NAMED} more` : '';
    return { level: changed.length > 0 ? 'warn' : 'info', text: changes.slice(0, MAX_NAMED).join('; ') + more };
  }

  #remember(tool: Tool): void {
    this.#seen.delete(tool.name);
    this.#seen.set(tool.name, tool);
    if (this.#seen.size <= MAX_SEEN) return;
    const [oldest] = this.#seen.keys();
    if (oldest !== undefined) this.#seen.delete(oldest);
  }
}

function missing(from: Tools, to: Tools, what: string): readonly string[] {
  return [...from.keys()].filter((name) => !to.has(name)).map((name) => `${shown(name, MAX_NAME)} ${what}`);
}

function changeOf({ definition: before }: Tool, { definition: after }: Tool): string {
  const members = Object.keys({ ...before, ...after }).filter(
    (member) => JSON.stringify(before[member as never]) !== JSON.stringify(after[member as never]),
  );
  const description = members.includes('description')
    ? ` and now says ${shown(after.description, MAX_DESCRIPTION)}`
    : '';
  return `has changed (${members
    .slice(0, MAX_NAMED)
    .map((member) => member.slice(0, MAX_NAME))
    .join(', ')})${description}`;
}

/** A value from a server, shortened and in quotes; as JSON if it is no string. */
function shown(value: unknown, length: number): string {
  const text = typeof value === 'string' ? value : ((JSON.stringify(value) as string | undefined) ?? 'nothing');
  return JSON.stringify(text.slice(0, length));
}
