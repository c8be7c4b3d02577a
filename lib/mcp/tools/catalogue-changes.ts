import type { Tool, ToolDefinition } from './tool';

type Tools = ReadonlyMap<string, { readonly tool: Tool }>;

/** A server may list ever new names, and definitions of any size. */
const MAX_FORMER = 10_000;
const MAX_FORMER_CHARACTERS = 4 * 1_048_576;
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
  /** The last definition of each tool that is missing, as JSON, the longest missing first. */
  readonly #former = new Map<string, string>();
  #formerCharacters = 0;

  /** Compares the next list with the previous one; `undefined` if nothing has changed, or for the first list. */
  take(before: Tools, after: Tools): CatalogueChanges | undefined {
    const isFirst = before.size === 0 && this.#former.size === 0;
    const changed = [...after.values()].flatMap(({ tool }) => {
      const known = before.get(tool.name)?.tool.definition ?? this.#takeFormer(tool.name);
      const change = known && known !== tool.definition && changeOf(known, tool.definition);
      return change ? [`${shown(tool.name, MAX_NAME)} ${change}`] : [];
    });
    for (const { tool } of before.values()) if (!after.has(tool.name)) this.#remember(tool);
    if (isFirst) return undefined;
    const changes = [...changed, ...missing(after, before, 'is new'), ...missing(before, after, 'is gone')];
    if (changes.length === 0) return undefined;
    const more = changes.length > MAX_NAMED ? `; and ${changes.length - MAX_NAMED} more` : '';
    return { level: changed.length > 0 ? 'warn' : 'info', text: changes.slice(0, MAX_NAMED).join('; ') + more };
  }

  #takeFormer(name: string): ToolDefinition | undefined {
    const json = this.#former.get(name);
    if (json === undefined) return undefined;
    this.#former.delete(name);
    this.#formerCharacters -= json.length;
    return JSON.parse(json) as ToolDefinition;
  }

  #remember({ name, definition }: Tool): void {
    const json = JSON.stringify(definition);
    this.#former.set(name, json);
    this.#formerCharacters += json.length;
    for (const [oldest, { length }] of this.#former) {
      if (this.#former.size <= MAX_FORMER && this.#formerCharacters <= MAX_FORMER_CHARACTERS) return;
      this.#former.delete(oldest);
      this.#formerCharacters -= length;
    }
  }
}

function missing(from: Tools, to: Tools, what: string): readonly string[] {
  return [...from.keys()].filter((name) => !to.has(name)).map((name) => `${shown(name, MAX_NAME)} ${what}`);
}

/** What has changed; `undefined` if nothing has. */
function changeOf(before: ToolDefinition, after: ToolDefinition): string | undefined {
  const members = Object.keys({ ...before, ...after }).filter(
    (member) => JSON.stringify(before[member as never]) !== JSON.stringify(after[member as never]),
  );
  if (members.length === 0) return undefined;
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
