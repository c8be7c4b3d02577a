/** A resource of the system that is used up. */
export interface Shortage {
  readonly what: string;
  /** What its operator can do. */
  readonly remedy: string;
}

const SHORTAGES: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  EMFILE: ['no file descriptors left', 'raise ulimit -n'],
  ENFILE: ['no file descriptors left', 'raise the limit of the system (fs.file-max)'],
  EAGAIN: ['no more processes are allowed', 'raise ulimit -u'],
  ENOMEM: ['no memory left', 'raise the memory limit'],
};

/** What a system error that Node has given says to be used up, if anything. */
export function shortageOf(code: string | undefined): Shortage | undefined {
  const known = SHORTAGES[code ?? ''];
  return known && { what: `${known[0]} (${code})`, remedy: known[1] };
}
