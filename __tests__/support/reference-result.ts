type Fields = Readonly<Record<string, unknown>>;

/** What a tool's result is answered with, by the contract. */
export type Expected =
  | { readonly status: 200; readonly value: unknown }
  | { readonly status: 200; readonly text: string }
  | { readonly status: 500; readonly detail: string }
  | { readonly status: 502 };

/** How deep a value may be that is put into JSON anew: what the stack allows. */
const DEEP = 1_000;

/** What the contract says of a result, written from it and not from the code. */
export function expectedOf(result: unknown, isRaw: boolean): Expected {
  if (!isObject(result) || !isMeta(result._meta)) return { status: 502 };
  const { content, structuredContent, isError } = result;
  const isNone = content === undefined && structuredContent === undefined;
  if (isNone || (content !== undefined && !isList(content))) return { status: 502 };
  const items = (content ?? []) as readonly Fields[];
  if (isError === true) {
    const detail = items.flatMap(({ text }) => (typeof text === 'string' ? [text] : [])).join('\n');
    return { status: 500, detail: detail === '' ? 'the tool failed without a message' : detail };
  }
  if (isRaw) return { status: 200, value: result };
  if (structuredContent !== undefined) {
    const companions = items.filter(({ type }) => type !== 'text');
    const isAlone = companions.length === 0;
    return { status: 200, value: isAlone ? structuredContent : [structuredContent, ...companions.map(asJson)] };
  }
  const texts = items.map(textOf);
  return { status: 200, text: texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(',')}]` };
}

/** Text that is JSON comes with all its digits, blanks and members that are there twice. */
function textOf(item: Fields): string {
  const { type, text } = item;
  if (type === 'text' && typeof text === 'string' && isJson(text)) return escaped(text);
  return JSON.stringify(valueOf(item));
}

function asJson(item: Fields): unknown {
  return JSON.parse(textOf(item));
}

function valueOf(item: Fields): unknown {
  const { type, text, data, mimeType, resource } = item;
  if (type === 'text' && typeof text === 'string') return text;
  if ((type === 'image' || type === 'audio') && typeof data === 'string') return dataUrl(mimeType, data);
  if (type === 'resource_link') return { ...item, type: undefined };
  if (type === 'resource' && isObject(resource)) {
    if (typeof resource.text === 'string') return resource.text;
    if (typeof resource.blob === 'string') return dataUrl(resource.mimeType, resource.blob);
  }
  return item;
}

function dataUrl(mimeType: unknown, data: string): string {
  return `data:${typeof mimeType === 'string' ? mimeType : 'application/octet-stream'};base64,${data}`;
}

/** UTF-8 has no lone surrogates; JSON has a way to write them. */
function escaped(json: string): string {
  const written = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16)}`;
  return Array.from(json, (char) => (/^[\ud800-\udfff]$/.test(char) ? written(char) : char)).join('');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** MCP: `_meta` is an object, and what the protocol puts there is of its type. */
function isMeta(meta: unknown): boolean {
  if (meta === undefined) return true;
  if (!isObject(meta)) return false;
  const { progressToken } = meta;
  return progressToken === undefined || typeof progressToken === 'string' || Number.isSafeInteger(progressToken);
}

function isList(content: unknown): boolean {
  return Array.isArray(content) && content.every(isObject);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value is nested so deep that it may not be translated. */
export function isDeep(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEEP) return true;
    level = level.flatMap((each): unknown[] => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return false;
}
