/** Connections that wait for a receive buffer: first come, first served, each at most once. */
export class WaitList {
  readonly #ring: Int32Array;
  readonly #waiting: Uint8Array;
  #head = 0;
  #count = 0;

  /** `capacity` is the number of slots: a list that holds each once cannot overflow. */
  constructor(capacity: number) {
    this.#ring = new Int32Array(capacity);
    this.#waiting = new Uint8Array(capacity);
  }

  get size(): number {
    return this.#count;
  }

  has(slot: number): boolean {
    return this.#waiting[slot] === 1;
  }

  push(slot: number): void {
    if (this.#waiting[slot] === 1) return;
    this.#waiting[slot] = 1;
    this.#ring[this.#place(this.#count)] = slot;
    this.#count += 1;
  }

  /** The next in line, or -1. */
  shift(): number {
    if (this.#count === 0) return -1;
    const slot = this.#ring[this.#head]!;
    this.#head = this.#place(1);
    this.#count -= 1;
    this.#waiting[slot] = 0;
    return slot;
  }

  /** Leaves the line (a connection that closes): those behind move up. Linear, and rare. */
  remove(slot: number): void {
    if (this.#waiting[slot] === 0) return;
    this.#waiting[slot] = 0;
    let kept = 0;
    for (let i = 0; i < this.#count; i++) {
      const other = this.#ring[this.#place(i)]!;
      if (other === slot) continue;
      this.#ring[this.#place(kept)] = other;
      kept += 1;
    }
    this.#count = kept;
  }

  /** Index of the place `behind` the head; at most one lap, so no division. */
  #place(behind: number): number {
    const at = this.#head + behind;
    return at < this.#ring.length ? at : at - this.#ring.length;
  }
}
