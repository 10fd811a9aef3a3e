/**
 * Which connections must have got on by when. One list per duration: what is added last expires
 * last, so the list is in order by itself, adding and removing take constant time, and one timer of
 * the driver serves the whole list. Links and times are columns by connection index; 0 is the head.
 */

/** A list of deadlines of one duration. */
export class Deadlines {
  readonly #duration: number;
  #time: Float64Array = new Float64Array(64);
  #next: Int32Array = new Int32Array(64);
  /** -1 for what is in no list. */
  #previous: Int32Array = new Int32Array(64).fill(-1);

  /** `duration` in milliseconds. */
  constructor(duration: number) {
    this.#duration = duration;
    this.#previous[0] = 0;
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#next[0] === 0;
  }

  /** When the first expires; only while it is not empty. */
  get first(): number {
    return this.#time[this.#next[0]!]!;
  }

  /** Starts the time of a connection, or starts it again. */
  add(index: number, now: number): void {
    const node = index + 1;
    if (node >= this.#next.length) this.#grow(node);
    this.remove(index);
    const last = this.#previous[0]!;
    this.#time[node] = now + this.#duration;
    this.#previous[node] = last;
    this.#next[node] = 0;
    this.#next[last] = node;
    this.#previous[0] = node;
  }

  /** Whether its time runs. */
  has(index: number): boolean {
    return index + 1 < this.#next.length && this.#previous[index + 1] !== -1;
  }

  /** Nothing happens when it is not in the list. */
  remove(index: number): void {
    const node = index + 1;
    if (node >= this.#next.length) return;
    const previous = this.#previous[node]!;
    if (previous === -1) return;
    const next = this.#next[node]!;
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#previous[node] = -1;
  }

  /** Takes the first from the list if its time has come: its index, or -1. */
  takeExpired(now: number): number {
    const node = this.#next[0]!;
    if (node === 0 || this.#time[node]! > now) return -1;
    this.remove(node - 1);
    return node - 1;
  }

  #grow(node: number): void {
    const size = Math.max(node + 1, this.#next.length * 2);
    const time = new Float64Array(size);
    const next = new Int32Array(size);
    const previous = new Int32Array(size).fill(-1);
    time.set(this.#time);
    next.set(this.#next);
    previous.set(this.#previous);
    this.#time = time;
    this.#next = next;
    this.#previous = previous;
  }
}
