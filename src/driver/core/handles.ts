/**
 * The table of listeners, connections and files of one driver.
 *
 * A handle is `generation << 20 | slot`: 20 bits of slot, 11 bits of generation (never 0, so a
 * handle is never 0). The generation changes when a slot is freed; an old handle is then refused
 * although its slot lives again. Owned and used by the driver's thread alone: plain columns.
 */
import { assert } from '../../base/index.ts';

export const SLOT_BITS = 20;
export const SLOT_MASK: number = (1 << SLOT_BITS) - 1;
const GENERATION_MAX = 0x7ff;

/** What a slot is. */
export const HandleKind = { FREE: 0, LISTENER: 1, CONNECTION: 2, FILE: 3 } as const;

/** Where a slot is in its life: open → closing → (freed). */
export const HandleState = { OPEN: 0, CLOSING: 1 } as const;

export class HandleTable {
  readonly capacity: number;
  readonly kind: Uint8Array;
  readonly state: Uint8Array;
  /** Process descriptor where the driver has one, -1 otherwise. */
  readonly fd: Int32Array;
  /** Operations submitted and not finally completed, `close` itself not counted. */
  readonly inFlight: Int32Array;
  /** The multishot receive or accept in force: its operation slot, or -1. */
  readonly multishot: Int32Array;
  /** The close that waits for the others: its operation slot, or -1. */
  readonly closing: Int32Array;
  /** Queue of sends: first and last operation slot, or -1. */
  readonly sendHead: Int32Array;
  readonly sendTail: Int32Array;
  /** Driver's own bits (each driver names them). */
  readonly flags: Int32Array;
  /** Open slots by kind. */
  readonly count: Int32Array = new Int32Array(4);
  readonly #generation: Uint16Array;
  readonly #free: Int32Array;
  #freeCount = 0;

  /**
   * Slots [0, allocatable) are handed out by `allocate`, lowest first; slots from there on are
   * given their place by `claim` alone (the uring driver's slots are chosen by the kernel).
   */
  constructor(capacity: number, allocateFrom: number, allocateTo: number) {
    assert(capacity <= SLOT_MASK + 1, 'a handle has 20 bits of slot');
    this.capacity = capacity;
    this.kind = new Uint8Array(capacity);
    this.state = new Uint8Array(capacity);
    this.fd = new Int32Array(capacity).fill(-1);
    this.inFlight = new Int32Array(capacity);
    this.multishot = new Int32Array(capacity).fill(-1);
    this.closing = new Int32Array(capacity).fill(-1);
    this.sendHead = new Int32Array(capacity).fill(-1);
    this.sendTail = new Int32Array(capacity).fill(-1);
    this.flags = new Int32Array(capacity);
    this.#generation = new Uint16Array(capacity).fill(1);
    this.#free = new Int32Array(allocateTo - allocateFrom);
    for (let slot = allocateTo - 1; slot >= allocateFrom; slot--) {
      this.#free[this.#freeCount++] = slot;
    }
  }

  /** A free slot of the allocatable range, or -1. */
  allocate(kind: number): number {
    if (this.#freeCount === 0) return -1;
    const slot = this.#free[--this.#freeCount]!;
    this.claim(slot, kind);
    return slot;
  }

  /** Takes a slot that somebody else chose. */
  claim(slot: number, kind: number): void {
    assert(this.kind[slot] === HandleKind.FREE, 'a slot is claimed once');
    this.kind[slot] = kind;
    this.count[kind]! += 1;
  }

  /** Frees a slot; `allocated` says that it goes back to the allocatable range. */
  free(slot: number, allocated: boolean): void {
    const kind = this.kind[slot]!;
    assert(kind !== HandleKind.FREE, 'a slot is freed once');
    assert(this.inFlight[slot] === 0, 'a slot is freed when nothing is in flight');
    assert(this.sendHead[slot] === -1, 'a slot is freed when nothing is queued');
    this.count[kind]! -= 1;
    this.kind[slot] = HandleKind.FREE;
    this.state[slot] = HandleState.OPEN;
    this.fd[slot] = -1;
    this.multishot[slot] = -1;
    this.closing[slot] = -1;
    this.flags[slot] = 0;
    const generation = this.#generation[slot]!;
    this.#generation[slot] = generation === GENERATION_MAX ? 1 : generation + 1;
    if (allocated) this.#free[this.#freeCount++] = slot;
  }

  /** Free slots of the allocatable range. */
  get available(): number {
    return this.#freeCount;
  }

  handle(slot: number): number {
    return (this.#generation[slot]! << SLOT_BITS) | slot;
  }

  /** The slot of a live handle, open or closing; -1 when it is stale or foreign. */
  find(handle: number): number {
    const slot = handle & SLOT_MASK;
    if (slot >= this.capacity || this.kind[slot] === HandleKind.FREE) return -1;
    return handle >>> SLOT_BITS === this.#generation[slot] ? slot : -1;
  }

  /** The slot of an open handle of that kind, or -1. */
  findOpen(handle: number, kind: number): number {
    const slot = handle & SLOT_MASK;
    if (slot >= this.capacity || this.kind[slot] !== kind) return -1;
    if (this.state[slot] !== HandleState.OPEN) return -1;
    return handle >>> SLOT_BITS === this.#generation[slot] ? slot : -1;
  }
}
