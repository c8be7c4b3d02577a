import { LinkedList, type ListNode } from '../util/linked-list';

interface Waiting extends ListNode<Waiting> {
  readonly isWanted: () => boolean;
  readonly begin: () => void;
}

/**
 * Waits for the turn to start something.
 *
 * @param isWanted - whether somebody waits for it now
 * @returns ends the turn; rejects with the reason of the signal
 */
export type TakeTurn = (signal: AbortSignal, isWanted: () => boolean) => Promise<() => void>;

/** Lets a few things start side by side: those first that somebody waits for, else first come, first served. */
export class Turns {
  readonly #queue = new LinkedList<Waiting>();
  #free: number;

  /** @param count - how many at a time */
  constructor(count: number) {
    this.#free = count;
  }

  readonly take: TakeTurn = (signal, isWanted) =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#queue.remove(waiting);
        reject(signal.reason as Error);
      };
      const begin = (): void => {
        signal.removeEventListener('abort', leave);
        this.#free--;
        let isOver = false;
        resolve(() => {
          if (isOver) return;
          isOver = true;
          this.#free++;
          this.#next();
        });
      };
      const waiting: Waiting = { previous: undefined, next: undefined, isWanted, begin };
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      signal.addEventListener('abort', leave, { once: true });
      this.#queue.append(waiting);
      this.#next();
    });

  #next(): void {
    while (this.#free > 0 && this.#queue.first) {
      let chosen = this.#queue.first;
      for (let each: Waiting | undefined = chosen; each; each = each.next) {
        if (!each.isWanted()) continue;
        chosen = each;
        break;
      }
      this.#queue.remove(chosen);
      chosen.begin();
    }
  }
}
