/**
 * The virtual clock and what is due on it: a binary heap of steps by time, and by order of
 * scheduling where the time is the same, so that a run depends on nothing but the calls and seed.
 */
interface Step {
  /** Microseconds on the virtual clock. */
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  /** Whether it still matters. One that does not is dropped, and does not move the clock. */
  readonly isLive: () => boolean;
}

const always = (): boolean => true;

export class Schedule {
  /** Microseconds since the simulation began. */
  now = 0;
  readonly #heap: Step[] = [];
  #order = 0;

  get isEmpty(): boolean {
    return this.#first() === undefined;
  }

  after(microseconds: number, run: () => void, isLive: () => boolean = always): void {
    const step = { at: this.now + microseconds, order: this.#order++, run, isLive };
    const heap = this.#heap;
    let index = heap.length;
    heap.push(step);
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      if (!isBefore(step, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = step;
  }

  /** Runs the first step that is due. Returns whether there was one. */
  runDue(): boolean {
    const first = this.#first();
    if (first === undefined || first.at > this.now) return false;
    this.#removeFirst();
    first.run();
    return true;
  }

  /** Moves the clock to the next step. Returns whether there is one. */
  advance(): boolean {
    const first = this.#first();
    if (first === undefined) return false;
    if (first.at > this.now) this.now = first.at;
    return true;
  }

  #first(): Step | undefined {
    while (this.#heap.length > 0 && !this.#heap[0]!.isLive()) this.#removeFirst();
    return this.#heap[0];
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Step, b: Step): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
