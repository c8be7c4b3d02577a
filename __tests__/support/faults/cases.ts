import { CLIENT_CASES } from './client-cases';
import { HTTP_CASES } from './http-cases';
import type { FaultCase } from './site';
import { STDIO_CASES } from './stdio-cases';

/** Every fault there is a test of. */
export const CASES: readonly FaultCase[] = [...STDIO_CASES, ...HTTP_CASES, ...CLIENT_CASES];
