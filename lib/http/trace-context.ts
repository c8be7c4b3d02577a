import type { IncomingHttpHeaders } from 'node:http';
import type { TraceContext } from '../calls/trace-context';

const TRACEPARENT = /^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;
const MAX_TRACESTATE = 512;
const MAX_MEMBERS = 32;
// W3C Trace Context level 1, section 3.3.1.3.
const KEY = /^(?:[a-z][a-z\d_*/-]{0,255}|[a-z\d][a-z\d_*/-]{0,240}@[a-z][a-z\d_*/-]{0,13})$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** The trace context of a request; `undefined` if it is missing or malformed. */
export function traceContextOf({ traceparent, tracestate }: IncomingHttpHeaders): TraceContext | undefined {
  // Node joins repeated headers with a comma: an invalid `traceparent`, but a valid `tracestate`.
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  return typeof tracestate === 'string' && isTraceState(tracestate) ? { traceparent, tracestate } : { traceparent };
}

function isTraceState(text: string): boolean {
  if (text.length > MAX_TRACESTATE) return false;
  // Blanks around members and empty members are allowed.
  const members = text.split(',').flatMap((member) => member.replace(/^[ \t]+|[ \t]+$/g, '') || []);
  const keys = new Set(members.map((member) => member.split('=', 1)[0]));
  return members.length > 0 && members.length <= MAX_MEMBERS && keys.size === members.length && members.every(isMember);
}

function isMember(member: string): boolean {
  const end = member.indexOf('=');
  return KEY.test(member.slice(0, Math.max(0, end))) && VALUE.test(member.slice(end + 1));
}
