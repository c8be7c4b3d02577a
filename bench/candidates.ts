import { join } from 'node:path';
import type { McpoOptions, ServerOptions } from 'express-mcpo';
import type { Candidate } from './candidate';
import type { Traffic } from './load';

const SERVERS = join(__dirname, '..', 'servers');

/** The stdio server of the benchmarks. */
export function stdio(...args: (string | number)[]): { command: string; args: string[] } {
  return { command: process.execPath, args: [join(SERVERS, 'stdio.js'), ...args.map(String)] };
}

/** Where the streamable HTTP server of the benchmarks is. */
export const HTTP_SERVER = join(SERVERS, 'http.js');

/** express-mcpo in an Express app. */
export function mounted(server: ServerOptions, options: Omit<McpoOptions, 'servers'> = {}, name = MOUNTED): Candidate {
  return {
    name,
    app: 'express-mcpo',
    settings: { inExpress: true, options: { servers: { bench: server }, cache: true, ...options } },
  };
}

/** express-mcpo in a plain `http.createServer`. */
export function plain(server: ServerOptions, options: Omit<McpoOptions, 'servers'> = {}, name = PLAIN): Candidate {
  return {
    name,
    app: 'express-mcpo',
    settings: { inExpress: false, options: { servers: { bench: server }, cache: true, ...options } },
  };
}

/** Express, the SDK's client and one route. */
export function byHand(settings: { command: string; args: string[] } | { url: string }): Candidate {
  return { name: BY_HAND, app: 'by-hand', settings };
}

/** An Express route that answers a constant. */
export function expressRoute(answer: string): Candidate {
  return { name: EXPRESS_ROUTE, app: 'constant', settings: { answer, inExpress: true } };
}

/** The same by Node alone. */
export function bareNode(answer: string): Candidate {
  return { name: BARE_NODE, app: 'constant', settings: { answer, inExpress: false } };
}

/** mcpo, in Python. */
export function mcpo(): Candidate {
  return { name: MCPO, app: 'mcpo', settings: stdio() };
}

export const MOUNTED = 'express-mcpo';
export const PLAIN = 'express-mcpo, plain http';
export const BY_HAND = 'by hand: Express + SDK';
export const EXPRESS_ROUTE = 'Express route, constant';
export const BARE_NODE = 'node:http, constant';
export const MCPO = 'mcpo 0.0.20';

/** Calls of one tool; mcpo has its tools at the root. */
export function calls(tool: string, kind: Traffic['kind'], args: object): (candidate: Candidate) => Traffic {
  return ({ app }) => ({ kind, path: app === 'mcpo' ? `/${tool}` : `/mcp/bench/${tool}`, args: JSON.stringify(args) });
}
