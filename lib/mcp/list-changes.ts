import type { Tool } from './tool';

type Tools = ReadonlyMap<string, Tool>;

const MAX_NAMED = 10;
const MAX_NAME = 100;
const MAX_DESCRIPTION = 300;

/** What is new in a list of tools. */
export interface ListChanges {
  /** `warn` when a tool that was there is now another: an operator may have looked at what it was. */
  readonly level: 'info' | 'warn';
  /** All of it, for one line of a log, however much it is. */
  readonly text: string;
}

/** What has changed from one list of tools to the next; `undefined` when nothing has. */
export function listChanges(before: Tools, after: Tools): ListChanges | undefined {
  const changed = [...after.values()].flatMap((tool) => {
    const known = before.get(tool.name);
    return known && known !== tool ? [`${shown(tool.name, MAX_NAME)} ${changeOf(known, tool)}`] : [];
  });
  const changes = [...changed, ...missing(after, before, 'is new'), ...missing(before, after, 'is gone')];
  if (changes.length === 0) return undefined;
  const more = changes.length > MAX_NAMED ? `; and ${changes.length - MAX_NAMED} more` : '';
  return { level: changed.length > 0 ? 'warn' : 'info', text: changes.slice(0, MAX_NAMED).join('; ') + more };
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

/** A server's words, shortened and in quotes. */
function shown(text: unknown, length: number): string {
  return JSON.stringify(String(text).slice(0, length));
}
