import { asDoubles } from '../../util/exact-json';
import type { Logger } from '../../util/logger';
import type { ToolDefinition } from './tool';

const MAX_PAGES = 1_000;
const MAX_TOOLS = 50_000;

/**
 * Reads every page of a server's `tools/list` (MCP specification, "Pagination"). Definitions are not modified; malformed ones
 * are left out.
 *
 * @param readPage - requests the page at a cursor
 * @throws Error if the pages do not end
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
    if (!Array.isArray(listed)) throw new Error('the answer to tools/list has no list of tools');
    // An empty cursor is valid (MCP 2026-07-28), but some servers use it as the end and repeat the page.
    if (cursor === '' && nextCursor === '') return tools;
    let nameless = 0;
    // Schemas are read by others, which know doubles only.
    for (const tool of asDoubles(listed) as unknown[]) {
      if (isDefinition(tool)) tools.push(tool);
      else nameless += 1;
    }
    if (nameless > 0) logger.warn(`mcpo: ${nameless} listed tools are left out: they have no name`);
    if (typeof nextCursor !== 'string') return tools;
    if (cursors.has(nextCursor)) throw new Error('tools/list returned the same cursor twice');
    cursors.add(nextCursor);
    cursor = nextCursor;
  }
  throw new Error(`tools/list does not end within ${String(MAX_PAGES)} pages and ${String(MAX_TOOLS)} tools`);
}

/** The input schema is validated where it is used. */
function isDefinition(tool: unknown): tool is ToolDefinition {
  return typeof tool === 'object' && tool !== null && typeof (tool as { name?: unknown }).name === 'string';
}
