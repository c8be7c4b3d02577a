/** A container whose items are being looked at. */
interface Frame {
  readonly container: object;
  readonly items: readonly unknown[];
  next: number;
}

/**
 * Refuses what a parser of the host may put into a body and JSON has not: instances of classes, bigints, functions, symbols,
 * a getter that throws, a value that contains itself. Nesting is not limited by the stack.
 *
 * Infinite numbers pass: they come of numbers that are too large, which are the caller's fault.
 *
 * @throws TypeError, or what a getter throws
 */
export function checkPlain(value: unknown): void {
  const frames: Frame[] = [];
  const open = new Set<object>();
  const done = new Set<object>();
  const look = (each: unknown): void => {
    if (typeof each !== 'object' || each === null) {
      if (typeof each === 'bigint' || typeof each === 'function' || typeof each === 'symbol')
        throw notPlain(typeof each);
      return;
    }
    if (open.has(each)) throw notPlain('a value that contains itself');
    if (done.has(each)) return;
    if (!Array.isArray(each) && isInstance(each)) throw notPlain('an instance of a class');
    open.add(each);
    frames.push({ container: each, items: Object.values(each), next: 0 });
  };
  look(value);
  for (let frame = frames.at(-1); frame; frame = frames.at(-1)) {
    if (frame.next < frame.items.length) {
      look(frame.items[frame.next++]);
    } else {
      open.delete(frame.container);
      done.add(frame.container);
      frames.pop();
    }
  }
}

/** Plain objects of another realm, such as a vm context, have a prototype without one, too. */
function isInstance(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype !== null && Object.getPrototypeOf(prototype) !== null;
}

function notPlain(what: string): TypeError {
  return new TypeError(`not a JSON value: ${what}`);
}
