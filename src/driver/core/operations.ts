/**
 * The table of operations in flight. It owns the memory named in an operation until the final
 * completion: a slot is freed then and at no other time.
 *
 * An operation id is `generation << 20 | slot`, as for handles. Slots are linked through `next`
 * into at most one list at a time: the free list, a connection's queue of sends, or the list of
 * finished operations that wait to be delivered.
 */
import { assert } from '../../base/index.ts';
import { SLOT_BITS, SLOT_MASK } from './handles.ts';

const GENERATION_MAX = 0x7ff;

/** What an operation does. */
export const Op = {
  FREE: 0,
  ACCEPT: 1,
  CONNECT: 2,
  RECEIVE: 3,
  SEND: 4,
  SHUTDOWN: 5,
  CLOSE: 6,
  TIMEOUT: 7,
  OPEN: 8,
  STAT: 9,
  READ: 10,
  WRITE: 11,
  SYNC: 12,
  WAKES: 13,
  SEND_MANY: 14,
  DATA_SYNC: 15,
  RESIZE: 16,
} as const;

/** Bits of an operation's `flags`. */
export const OpFlag = {
  /** Part of a vector that is not its last buffer: completes in silence. */
  SILENT: 1,
  /** Cancel was asked. */
  CANCELLED: 2,
  /** On the list of finished operations. */
  FINISHED: 4,
  /** The first free bit for a driver's own use. */
  DRIVER: 16,
} as const;

/**
 * Places that only closes may take. A close always completes, so a table that is full of operations
 * which wait for the peer can still be emptied.
 */
const CLOSES_RESERVED = 64;

/** A token of the driver's own: nobody is told of the completion. */
export const SILENT_TOKEN = -1;

const TOKEN_MAX = 0x7fffffff;

/** Whether a caller may use the number as a token. */
export function isToken(token: number): boolean {
  return token >= 0 && token <= TOKEN_MAX;
}

export class OperationTable {
  /** Slots in all. */
  readonly capacity: number;
  /** Operations in flight beyond which only closes are taken. */
  readonly limit: number;
  readonly kind: Uint8Array;
  readonly flags: Uint8Array;
  readonly token: Int32Array;
  /** Slot of the handle it works on, or -1. */
  readonly handle: Int32Array;
  /** Arena offset of its buffer. */
  readonly offset: Uint32Array;
  readonly length: Uint32Array;
  /** Bytes done so far (sends). */
  readonly progress: Uint32Array;
  /** What the final completion reports (a vector's sum; a finished operation's result). */
  readonly result: Int32Array;
  /** For a member of `sendMany`: the slot of the whole, otherwise -1. */
  readonly group: Int32Array;
  readonly next: Int32Array;
  readonly #generation: Uint16Array;
  #free = 0;
  #used = 0;

  constructor(limit: number) {
    assert(limit <= SLOT_MASK, 'an operation id has 20 bits of slot');
    const capacity = Math.min(limit + CLOSES_RESERVED, SLOT_MASK + 1);
    this.capacity = capacity;
    this.limit = limit;
    this.kind = new Uint8Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.token = new Int32Array(capacity);
    this.handle = new Int32Array(capacity).fill(-1);
    this.offset = new Uint32Array(capacity);
    this.length = new Uint32Array(capacity);
    this.progress = new Uint32Array(capacity);
    this.result = new Int32Array(capacity);
    this.group = new Int32Array(capacity).fill(-1);
    this.next = new Int32Array(capacity);
    this.#generation = new Uint16Array(capacity).fill(1);
    for (let slot = 0; slot < capacity; slot++) this.next[slot] = slot + 1;
    this.next[capacity - 1] = -1;
  }

  /** A slot, or -1 when the table is full. */
  allocate(kind: number, token: number, handle: number): number {
    const slot = this.#free;
    if (slot === -1 || (kind !== Op.CLOSE && this.#used >= this.limit)) return -1;
    this.#free = this.next[slot]!;
    this.#used += 1;
    this.kind[slot] = kind;
    this.flags[slot] = 0;
    this.token[slot] = token;
    this.handle[slot] = handle;
    this.progress[slot] = 0;
    this.result[slot] = 0;
    this.group[slot] = -1;
    this.next[slot] = -1;
    return slot;
  }

  free(slot: number): void {
    assert(this.kind[slot] !== Op.FREE, 'an operation is freed once');
    this.kind[slot] = Op.FREE;
    const generation = this.#generation[slot]!;
    this.#generation[slot] = generation === GENERATION_MAX ? 1 : generation + 1;
    this.next[slot] = this.#free;
    this.#free = slot;
    this.#used -= 1;
  }

  id(slot: number): number {
    return (this.#generation[slot]! << SLOT_BITS) | slot;
  }

  /** The slot of a live operation, or -1. */
  find(id: number): number {
    const slot = id & SLOT_MASK;
    if (slot >= this.capacity || this.kind[slot] === Op.FREE) return -1;
    return id >>> SLOT_BITS === this.#generation[slot] ? slot : -1;
  }

  generation(slot: number): number {
    return this.#generation[slot]!;
  }

  get used(): number {
    return this.#used;
  }

  get available(): number {
    return Math.max(0, this.limit - this.#used);
  }
}
