import type { Logger } from '../../util/logger';
import type { ToolDefinition } from './tool';

const MAX_PAGES = 1_000;
const MAX_TOOLS = 50_000;

/**
 * Reads every page of a server's `tools/list` (MCP specification, "Pagination"). A definition is kept whole; one that is
 * malformed is left out, and the others stay.
 *
 * @param readPage - asks for the page at a cursor
 * @throws Error when the pages do not end
 */
export async function readToolList(
  readPage: (cursor: string | undefined) => Promise<Readonly<Record<string, unknown>>>,
  logger: Logger,
): Promise<readonly ToolDefinition[]> {
  const tools: ToolDefinition[] = [];
  const cursors = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES && tools.length <= MAX_TOOLS; page += 1) {
    const { tools: listed, nextCursor } = await readPage(cursor);
    if (!Array.isArray(listed)) throw new Error('tools/list is answered without a list of tools');
    // An empty cursor is as good as any (MCP 2026-07-28), but some servers mean the end by it and give the same page again.
    if (cursor === '' && nextCursor === '') return tools;
    let nameless = 0;
    for (const tool of listed as unknown[]) {
      if (isDefinition(tool)) tools.push(tool);
      else nameless += 1;
    }
    if (nameless > 0) logger.warn(`mcpo: ${nameless} listed tools are left out, as they have no name`);
    if (typeof nextCursor !== 'string') return tools;
    if (cursors.has(nextCursor)) throw new Error('tools/list gives the same cursor twice');
    cursors.add(nextCursor);
    cursor = nextCursor;
  }
  throw new Error(`tools/list does not end within ${String(MAX_PAGES)} pages and ${String(MAX_TOOLS)} tools`);
}

/** The schema is looked at where it is used. */
function isDefinition(tool: unknown): tool is ToolDefinition {
  return typeof tool === 'object' && tool !== null && typeof (tool as { name?: unknown }).name === 'string';
}
