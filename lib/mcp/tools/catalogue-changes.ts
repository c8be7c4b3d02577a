import type { Tool } from './tool';

type Tools = ReadonlyMap<string, { readonly tool: Tool }>;

/** A server may think of new names for ever. */
const MAX_SEEN = 10_000;
const MAX_NAMED = 10;
const MAX_NAME = 100;
const MAX_DESCRIPTION = 300;

/** What is new in a list of tools. */
export interface CatalogueChanges {
  /** `warn` when a tool that was there is now another: an operator may have looked at what it was. */
  readonly level: 'info' | 'warn';
  /** All of it, for one line of a log, however much it is. */
  readonly text: string;
}

/** Tells what is new in each list, also of a tool that has been away in the meantime. */
export class CatalogueHistory {
  /** As each tool was when it was last there. */
  readonly #seen = new Map<string, Tool>();

  /** Takes the next list; what has changed since the one before, `undefined` when nothing has, or this is the first. */
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
  const says = members.includes('description') ? ` and now says ${shown(after.description, MAX_DESCRIPTION)}` : '';
  return `has changed (${members
    .slice(0, MAX_NAMED)
    .map((member) => member.slice(0, MAX_NAME))
    .join(', ')})${says}`;
}

/** A server's words, shortened and in quotes; whatever else it says instead, as JSON. */
function shown(said: unknown, length: number): string {
  const text = typeof said === 'string' ? said : ((JSON.stringify(said) as string | undefined) ?? 'nothing');
  return JSON.stringify(text.slice(0, length));
}
