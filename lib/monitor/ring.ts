/** What a {@link Ring} keeps its numbers in. */
type Numbers = Float64Array | Uint8Array;

const INITIAL_LENGTH = 16;

/** The latest numbers of a row, up to `size` of them. Memory grows with use, up to the size. */
export class Ring<T extends Numbers> {
  readonly #size: number;
  readonly #make: new (length: number) => T;
  #numbers: T;
  #next = 0;
  #count = 0;

  constructor(size: number, make: new (length: number) => T) {
    this.#size = size;
    this.#make = make;
    this.#numbers = new make(Math.min(size, INITIAL_LENGTH));
  }

  /** How many numbers there are. */
  get count(): number {
    return this.#count;
  }

  /** Whether there are as many as there can be. */
  get full(): boolean {
    return this.#count === this.#size;
  }

  /** Whether the next number goes to the beginning. */
  get atStart(): boolean {
    return this.#next === 0;
  }

  /** Adds a number; returns the one that leaves for it, 0 if none does. */
  push(value: number): number {
    if (this.#next === this.#numbers.length) this.#grow();
    const left = this.#numbers[this.#next] ?? 0;
    this.#numbers[this.#next] = value;
    this.#next = this.#next + 1 === this.#size ? 0 : this.#next + 1;
    if (this.#count < this.#size) this.#count++;
    return left;
  }

  /** A sorted copy. */
  sorted(): T {
    return this.#numbers.slice(0, this.#count).sort() as T;
  }

  #grow(): void {
    const grown = new this.#make(Math.min(this.#size, 2 * this.#numbers.length));
    grown.set(this.#numbers);
    this.#numbers = grown;
  }
}
