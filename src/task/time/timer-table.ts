/**
 * The table of timers: nodes in one typed array, in lists, found by handles.
 *
 *  1. Lists are circular; list l has a node of its own as its head, so that taking a node out needs
 *     no look at which list it is in, and a head tells its list. The first lists are the slots of
 *     the wheel; a bit of `#taken` is set exactly while such a list is not empty, and a bit of
 *     `#words` exactly while a word of `#taken` is not 0, for the 32 words of all levels but the
 *     last.
 *  2. A node is in one list, or free. A free one keeps the generation that it will have.
 *
 * A node is 16 bytes, in one line of the cache: with a million timers the time goes into misses.
 *
 *   word  bits
 *   0     32     the node behind, as its first word's index; in a free node the next free one
 *   1     32     the node before
 *   2     32     low part of the tick
 *   3     0-10   generation; 11: the timer holds; 12-30: high part of the tick
 *
 * With the reference to its entry a timer takes 24 bytes. Memory grows by doubling. What is
 * protected here is for `Timers` alone, which is this table with a wheel over it.
 */
import { RondoError } from '../../base/index.ts';
import { highOf, lowOf, tickOf, WHEEL_SLOTS } from './wheel.ts';

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
const GENERATION_BITS = 11;
const GENERATION_MASK = 2 ** GENERATION_BITS - 1;
const HOLD = 2 ** GENERATION_BITS;
const HIGH_SHIFT = GENERATION_BITS + 1;

/** How many lists there are: the slots, and four more. */
const LISTS: number = WHEEL_SLOTS + 4;
const SLOTS_END = WHEEL_SLOTS << NODE;

const LEAST_CAPACITY = 64;

/** See the head of this file. */
export abstract class TimerTable {
  /** How many timers may be set at once. */
  readonly limit: number;
  protected nodes: Int32Array = new Int32Array(0);
  readonly #taken = new Int32Array(WHEEL_SLOTS / 32);
  #words = 0;
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
    this.#lastGeneration = 2 ** Math.min(GENERATION_BITS, 31 - this.#indexBits) - 1;
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
    if (hold) {
      this.nodes[node + HIGH]! |= HOLD;
      this.#held += 1;
    }
    this.#size += 1;
    return node;
  }

  /** Makes a node free that is in no list any more; its handle is void from here on. */
  protected release(node: number): void {
    const { nodes } = this;
    this.#size -= 1;
    const word = nodes[node + HIGH]!;
    if ((word & HOLD) !== 0) this.#held -= 1;
    const generation = word & GENERATION_MASK;
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
    return tickOf(this.highOf(node), this.lowOf(node));
  }

  protected highOf(node: number): number {
    return this.nodes[node + HIGH]! >>> HIGH_SHIFT;
  }

  protected lowOf(node: number): number {
    return this.nodes[node + LOW]!;
  }

  protected setTick(node: number, tick: number): void {
    const { nodes } = this;
    nodes[node + LOW] = lowOf(tick);
    nodes[node + HIGH] =
      (nodes[node + HIGH]! & (HOLD | GENERATION_MASK)) | (highOf(tick) << HIGH_SHIFT);
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
    if (after === before && after < SLOTS_END) this.leave(after >>> NODE);
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

  /** The list of a slot has something in it now. */
  protected enter(slot: number): void {
    const word = slot >>> 5;
    this.#taken[word]! |= 1 << slot;
    if (word < 32) this.#words |= 1 << word;
  }

  /** The list of a slot is empty now. */
  protected leave(slot: number): void {
    const word = slot >>> 5;
    this.#taken[word]! &= ~(1 << slot);
    if (word < 32 && this.#taken[word] === 0) this.#words &= ~(1 << word);
  }

  /** The first slot that is taken, -1 for none. */
  protected firstSlot(): number {
    const taken = this.#taken;
    if (this.#words !== 0) {
      const word = lowestBit(this.#words);
      return (word << 5) + lowestBit(taken[word]!);
    }
    for (let word = 32; word < taken.length; word++) {
      if (taken[word] !== 0) return (word << 5) + lowestBit(taken[word]!);
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

/** The place of the lowest bit that is set. */
function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
