import type { Lab } from './lab';

/** `_meta` of each call of a tool that a lab has been sent. */
export function metaOfCalls(lab: Lab): Readonly<Record<string, unknown>>[] {
  return lab.sent
    .map((json) => JSON.parse(json) as { method?: string; params?: { _meta?: Record<string, unknown> } })
    .filter(({ method }) => method === 'tools/call')
    .map(({ params }) => params?._meta ?? {});
}
