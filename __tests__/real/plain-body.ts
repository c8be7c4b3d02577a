import type { CallToolResult, ContentBlock, Tool } from '@modelcontextprotocol/sdk/types.js';

/** The body, as a value, that a result is answered with by the contract; of an error, its `detail`. */
export function plainBody(result: CallToolResult, tool: Tool): unknown {
  const { content, structuredContent, isError } = result;
  if (isError) return content.flatMap((item) => (item.type === 'text' ? [item.text] : [])).join('\n');
  if (structuredContent !== undefined) {
    const value = isEnvelope(result, tool) ? structuredContent.result : structuredContent;
    const beside = tool.outputSchema ? [] : content.filter(({ type }) => type !== 'text');
    return beside.length === 0 ? value : [value, ...beside.map(valueOf)];
  }
  const values = content.map(valueOf);
  return values.length === 1 ? values[0] : values;
}

/** FastMCP puts what is no object into one, and says so. */
function isEnvelope({ _meta }: CallToolResult, { outputSchema }: Tool): boolean {
  const fastmcp = _meta?.fastmcp as { wrap_result?: boolean } | undefined;
  return fastmcp?.wrap_result === true || outputSchema?.['x-fastmcp-wrap-result'] === true;
}

function valueOf(item: ContentBlock): unknown {
  switch (item.type) {
    case 'text':
      return parsed(item.text);
    case 'image':
    case 'audio':
      return dataUrl(item.mimeType, item.data);
    case 'resource':
      return 'text' in item.resource ? item.resource.text : dataUrl(item.resource.mimeType, item.resource.blob);
    case 'resource_link': {
      // A link keeps all its members but the type.
      const { type: _type, ...link } = item;
      return link;
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function dataUrl(mimeType = 'application/octet-stream', data: string): string {
  return `data:${mimeType};base64,${data}`;
}
