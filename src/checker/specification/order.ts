/**
 * A strict partial order that grows edge by edge and is transitively closed at all times: after
 * each `add`, `has` answers by one bit. Rows are the successors of an event as bits.
 */
export class Order {
  readonly size: number;
  readonly #words: number;
  readonly #rows: Uint32Array;

  constructor(size: number) {
    this.size = size;
    this.#words = (size + 31) >>> 5;
    this.#rows = new Uint32Array(size * this.#words);
  }

  /** Whether one event is before another. */
  has(before: number, after: number): boolean {
    return ((this.#rows[before * this.#words + (after >>> 5)]! >>> (after & 31)) & 1) === 1;
  }

  /** Puts one event before another; gives false, and changes nothing, when that closes a circle. */
  add(before: number, after: number): boolean {
    if (before === after || this.has(after, before)) return false;
    if (this.has(before, after)) return true;
    for (let event = 0; event < this.size; event++) {
      if (event === before || this.has(event, before)) this.#succeed(event, after);
    }
    return true;
  }

  /** Becomes a copy of an order of the same size. */
  copy(from: Order): void {
    this.#rows.set(from.#rows);
  }

  /**
   * The events in one line that agrees with the order; the lowest number first where it is open.
   */
  line(): number[] {
    const left = new Set(Array.from({ length: this.size }, (_, event) => event));
    const found: number[] = [];
    while (left.size > 0) {
      const first = [...left].find((event) => [...left].every((other) => !this.has(other, event)))!;
      left.delete(first);
      found.push(first);
    }
    return found;
  }

  /** Puts `after` and all that follows it behind an event. */
  #succeed(event: number, after: number): void {
    const into = event * this.#words;
    const from = after * this.#words;
    for (let word = 0; word < this.#words; word++) {
      this.#rows[into + word]! |= this.#rows[from + word]!;
    }
    this.#rows[into + (after >>> 5)]! |= 1 << (after & 31);
  }
}
