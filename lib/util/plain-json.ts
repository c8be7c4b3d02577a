import { isExactNumber } from './exact-json';
import { isClassInstance } from './json-object';

/** A container whose items are being checked. */
interface Frame {
  readonly container: object;
  readonly items: readonly unknown[];
  next: number;
}

/**
 * Rejects values that a parser of the host may have made but JSON has not: class instances, functions, symbols, throwing
 * getters and cycles. Nesting is not limited by the stack.
 *
 * Infinity passes: it comes from a number that is too large, which is the caller's fault.
 *
 * @throws TypeError, or whatever a getter throws
 */
export function checkPlain(value: unknown): void {
  const frames: Frame[] = [];
  const open = new Set<object>();
  const done = new Set<object>();
  const visit = (each: unknown): void => {
    if (typeof each !== 'object' || each === null) {
      if (typeof each === 'function' || typeof each === 'symbol') throw notPlain(typeof each);
      return;
    }
    if (isExactNumber(each)) return;
    if (open.has(each)) throw notPlain('a value that contains itself');
    if (done.has(each)) return;
    if (!Array.isArray(each) && isClassInstance(each)) throw notPlain('an instance of a class');
    open.add(each);
    frames.push({ container: each, items: Object.values(each), next: 0 });
  };
  visit(value);
  for (let frame = frames.at(-1); frame; frame = frames.at(-1)) {
    if (frame.next < frame.items.length) {
      visit(frame.items[frame.next++]);
    } else {
      open.delete(frame.container);
      done.add(frame.container);
      frames.pop();
    }
  }
}

function notPlain(what: string): TypeError {
  return new TypeError(`not a JSON value: ${what}`);
}
