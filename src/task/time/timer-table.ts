/**
 * The table of timers: nodes in one typed array, in lists, found by handles.
 *
 *  1. Lists are circular; list l has a node of its own as its head, so that taking a node out needs
 *     no look at which list it is in, and a head tells its list. The first lists are the slots of
 *     the wheel; a bit of `occupied` is set exactly while such a list is not empty.
 *  2. A node is in one list, or free. A free one keeps the generation that it will have.
 *
 * A node is 16 bytes, in one line of the cache: with a million timers the time goes into misses.
 *
 *   word  bits
 *   0     32     the node behind, as its first word's index; in a free node the next free one
 *   1     32     the node before
 *   2     0-29   low part of the tick; 30: the timer holds
 *   3     0-10   generation; 11-31: high part of the tick
 *
 * With the reference to its entry a timer takes 24 bytes. Memory grows by doubling. What is
 * protected here is for `Timers` alone, which is this table with a wheel over it.
 */
import { RondoError } from '../../base/index.ts';
import { HIGH_UNIT, highOf, lowOf, WHEEL_SLOTS } from './wheel.ts';

/** What a timer calls. */
export interface TimerEntry {
  /** The deadline has passed; the timer is over, its handle void. Must not throw. */
  fire(): void;
}

/** log2 of the words of a node: list l has its head at `l << NODE`. */
export const NODE = 2;
/** Words of a node. */
export const PREVIOUS = 1;
const LOW = 2;
const HIGH = 3;
const LOW_MASK = 2 ** 30 - 1;
const HOLD_SHIFT = 30;
const HIGH_SHIFT = 11;
const GENERATION_MASK = 2 ** HIGH_SHIFT - 1;

/** How many lists there are: the slots, and four more. */
export const LISTS: number = WHEEL_SLOTS + 4;
const SLOTS_END = WHEEL_SLOTS << NODE;

const LEAST_CAPACITY = 64;

/** See the head of this file. */
export abstract class TimerTable {
  /** How many timers may be set at once. */
  readonly limit: number;
  protected nodes: Int32Array = new Int32Array(0);
  protected readonly occupied: Int32Array = new Int32Array(WHEEL_SLOTS / 32);
  /** By index, which counts from the heads. Undefined where free. */
  readonly #entries: (TimerEntry | undefined)[] = [];
  /** A handle is a generation above `#indexBits` bits of index. */
  readonly #indexBits: number;
  readonly #indexMask: number;
  readonly #lastGeneration: number;
  #capacity = 0;
  /** How many nodes were ever used, and the first of those that are free again (0: none). */
  #used = 0;
  #free = 0;
  #size = 0;
  #held = 0;

  constructor(limit: number, capacity: number) {
    this.limit = limit;
    this.#indexBits = 32 - Math.clz32(limit - 1);
    this.#indexMask = 2 ** this.#indexBits - 1;
    this.#lastGeneration = 2 ** Math.min(HIGH_SHIFT, 31 - this.#indexBits) - 1;
    this.#allocate(capacity);
    for (let list = 0; list < LISTS << NODE; list += 1 << NODE) {
      this.nodes[list] = list;
      this.nodes[list + PREVIOUS] = list;
    }
  }

  /** How many timers are set. */
  get size(): number {
    return this.#size;
  }

  /** How many of them keep the process alive. */
  get held(): number {
    return this.#held;
  }

  /** How many there is memory for. */
  get capacity(): number {
    return this.#capacity;
  }

  // ---- nodes

  /** A node for a timer, which is in no list and has no tick yet. */
  protected take(entry: TimerEntry, hold: boolean): number {
    let node = this.#free;
    if (node !== 0) {
      this.#free = this.nodes[node]!;
      this.#entries[(node >>> NODE) - LISTS] = entry;
    } else {
      const index = this.#used;
      if (index === this.#capacity) this.#grow();
      this.#used = index + 1;
      node = (index + LISTS) << NODE;
      this.nodes[node + HIGH] = 1;
      this.#entries.push(entry);
    }
    this.nodes[node + LOW] = hold ? 1 << HOLD_SHIFT : 0;
    if (hold) this.#held += 1;
    this.#size += 1;
    return node;
  }

  /** Makes a node free that is in no list any more; its handle is void from here on. */
  protected release(node: number): void {
    const { nodes } = this;
    this.#size -= 1;
    this.#held -= nodes[node + LOW]! >>> HOLD_SHIFT;
    const generation = nodes[node + HIGH]! & GENERATION_MASK;
    nodes[node + HIGH] = generation === this.#lastGeneration ? 1 : generation + 1;
    nodes[node] = this.#free;
    this.#free = node;
    this.#entries[(node >>> NODE) - LISTS] = undefined;
  }

  protected entryOf(node: number): TimerEntry {
    return this.#entries[(node >>> NODE) - LISTS]!;
  }

  protected handleOf(node: number): number {
    const generation = this.nodes[node + HIGH]! & GENERATION_MASK;
    return (generation << this.#indexBits) | ((node >>> NODE) - LISTS);
  }

  /** The node of a handle, 0 when that is void. */
  protected nodeOf(handle: number): number {
    const index = handle & this.#indexMask;
    if (index >= this.#used || this.#entries[index] === undefined) return 0;
    const node = (index + LISTS) << NODE;
    const generation = this.nodes[node + HIGH]! & GENERATION_MASK;
    return generation === handle >>> this.#indexBits ? node : 0;
  }

  protected tickOf(node: number): number {
    return this.highOf(node) * HIGH_UNIT + this.lowOf(node);
  }

  protected highOf(node: number): number {
    return this.nodes[node + HIGH]! >>> HIGH_SHIFT;
  }

  protected lowOf(node: number): number {
    return this.nodes[node + LOW]! & LOW_MASK;
  }

  protected setTick(node: number, tick: number): void {
    const { nodes } = this;
    const high = highOf(tick);
    nodes[node + LOW] = (nodes[node + LOW]! & ~LOW_MASK) | lowOf(tick, high);
    nodes[node + HIGH] = (nodes[node + HIGH]! & GENERATION_MASK) | (high << HIGH_SHIFT);
  }

  // ---- lists

  protected isEmpty(list: number): boolean {
    return this.nodes[list] === list;
  }

  protected append(list: number, node: number): void {
    const { nodes } = this;
    const last = nodes[list + PREVIOUS]!;
    nodes[last] = node;
    nodes[node + PREVIOUS] = last;
    nodes[node] = list;
    nodes[list + PREVIOUS] = node;
  }

  protected unlink(node: number): void {
    const { nodes } = this;
    const after = nodes[node]!;
    const before = nodes[node + PREVIOUS]!;
    nodes[before] = after;
    nodes[after + PREVIOUS] = before;
    // The head alone is left: the list is empty, and if it is a slot's, so says its bit.
    if (after === before && after < SLOTS_END) {
      const slot = after >>> NODE;
      this.occupied[slot >>> 5]! &= ~(1 << (slot & 31));
    }
  }

  /** Puts all nodes of a list that is not empty behind those of another. */
  protected moveAll(from: number, to: number): void {
    const { nodes } = this;
    const first = nodes[from]!;
    const last = nodes[from + PREVIOUS]!;
    const end = nodes[to + PREVIOUS]!;
    nodes[end] = first;
    nodes[first + PREVIOUS] = end;
    nodes[last] = to;
    nodes[to + PREVIOUS] = last;
    nodes[from] = from;
    nodes[from + PREVIOUS] = from;
  }

  /** The first slot that is taken, -1 for none. */
  protected firstSlot(): number {
    const { occupied } = this;
    for (let word = 0; word < occupied.length; word++) {
      const bits = occupied[word]!;
      if (bits !== 0) return (word << 5) + 31 - Math.clz32(bits & -bits);
    }
    return -1;
  }

  // ---- memory

  #grow(): void {
    if (this.#capacity === this.limit) {
      throw new RondoError(
        'ERR_TIMER_LIMIT',
        `Cannot set a timer: at most ${this.limit} may be set at once, and they are`,
      );
    }
    this.#allocate(Math.min(this.limit, Math.max(LEAST_CAPACITY, this.#capacity * 2)));
  }

  #allocate(capacity: number): void {
    const nodes = new Int32Array((LISTS + capacity) << NODE);
    nodes.set(this.nodes);
    this.nodes = nodes;
    this.#capacity = capacity;
  }
}
