/**
 * The inbox of an executor: how other threads reach it. Two parts behind one doorbell.
 *
 * Wakes are a set, not a queue: waking a task twice is waking it once. So they are bits, which need
 * no capacity and are claimed and published by one instruction. A waker does, in this order
 * (`remote-waker.ts`): compare the slot's generation; set the slot's bit in a leaf; set the leaf's
 * bit in the summary; ring the doorbell. The owner, at the start of each turn: takes (exchanges
 * by 0) a word of the summary, takes the leaves it names, and schedules the slots they name; the
 * tasks are polled after that.
 *
 *  I1. The bit of a slot is set from 0 to 1 by a wake only, and back by the owner only, which then
 *      polls the slot's task. Not more than one poll for any number of wakes before it.
 *  I2. A leaf bit that is 1 after its waker has set the summary is under a summary bit that is 1,
 *      or under one that the owner has taken and whose leaves it is about to take. For the owner
 *      takes the summary BEFORE the leaf: a bit too late for the leaf sets the summary again.
 *  I3. A call of `wakeRemote` that has returned leads to a poll that begins after the call began,
 *      whatever became of other wakers, which may be terminated at any instruction. For each call
 *      does every step itself, or sees it done; it never relies on one who saw the bit first. What
 *      a terminated call leaves is a bit without summary, which the next wake of its leaf delivers
 *      with its own; or a doorbell that is marked and was not rung, for which there is `recover`.
 *  I4. No lost wake: the owner takes the bit BEFORE the poll. A wake before the taking is seen by
 *      the poll with all that its caller wrote (the exchange acquires what the `or` released); a
 *      wake after the taking finds 0, and gives another poll. Were the bit cleared after the poll,
 *      a wake between the poll's last look and the clearing would be forgotten.
 *  I5. A slot's generation goes up when its task ends. A stale waker does nothing, or, when it had
 *      compared just before, wakes the slot's next task for nothing, which is harmless. (After 2^32
 *      tasks in one slot a waker that was kept all the time wakes for nothing, too.)
 *
 * Messages are a sequence, so they are a ring (after Tsigas and Zhang, 2001: the cell is its own
 * lock). A queue whose producers claim a position first and publish its cell later blocks its owner
 * for ever when a producer is terminated between the two; here the exchange of a cell's word
 * is both. An empty cell's word is the lap in which it may be filled, a full one's is the message.
 *
 *  M1. Positions from head to before tail are full; tail itself is full or not; all others are
 *      empty with the lap in which they come next. Only the owner empties, only posters fill.
 *  M2. A cell is filled only at the tail: the poster read `tail = t` and then exchanged the cell of
 *      t from `empty, lap of t`. Tail passes t only after that cell was filled: it was still t.
 *  M3. The owner pops by the cells alone and never looks at tail: an empty cell at head is an
 *      empty ring, and no poster can keep it from a message that is there.
 *  M4. A poster that finds the cell of tail filled moves tail for whoever filled it; so a thread
 *      terminated between filling and moving holds nobody up.
 *  M5. `full` is true of a moment: tail was t before and after the cell was seen to hold a message
 *      of the lap before t's. (Laps differ by their lowest bit: while tail is t the cell is full of
 *      the lap before, empty for this one, full of this one, or empty for the next.)
 *  M6. Closing raises the epoch, then gives every cell the lap after; a poster of the old epoch
 *      that slept since then has a position whose exchange fails, and sees the new epoch next.
 *  M7. Positions are 32 bits and wrap; laps wrap with them. A poster that sleeps between its load
 *      of a cell and its exchange while exactly 2^32 messages pass (7 minutes at 100 ns each) may
 *      fill a cell ahead of tail: the message is late then, until tail comes by, no more.
 *
 * The memory of a closed inbox is kept for the next one of its size on this thread, never given
 * back: a stale waker sets a bit in an inbox, not in memory that is something else by now.
 */
import { exchange, loadAcquire, storeRelease } from '#atomics';
import { integerOption, rejectUnknown, stringOption } from '../../base/index.ts';
import { wakeDriver, type Waker as Doorbell } from '../../driver/index.ts';
import type { Arena, Region } from '../../memory/index.ts';
import { ARGUMENT_MAX, Header, KIND_MAX, KIND_SHIFT, MAGIC, partsOf } from './inbox-layout.ts';
import type { InboxAddress, RemoteWaker } from './remote-waker.ts';

const KIND = 'inbox';
const SLOTS_DEFAULT = 4096;
const SLOTS_MAX = 65_536;
const MESSAGES_DEFAULT = 1024;
const MESSAGES_MAX = 65_536;

/** How an inbox is made; all optional. */
export interface InboxOptions {
  /** Tasks that can be woken from other threads at once, 1 to 65,536. @default 4096 */
  readonly slots?: number;
  /** Messages that can wait, 2 to 65,536, rounded up to a power of two. @default 1024 */
  readonly messages?: number;
  /** Of the region, as `regions` lists it. @default '' */
  readonly owner?: string;
  /** Where the ring begins, for tests of what happens at 2^32. @internal */
  readonly firstPosition?: number;
}

/** Options with every default filled in; cells are given by their power of two. */
export interface ResolvedInboxOptions {
  readonly slots: number;
  readonly shift: number;
  readonly owner: string;
  readonly first: number;
}

/**
 * Checks and fills in.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function resolveInboxOptions(options: InboxOptions): ResolvedInboxOptions {
  rejectUnknown('Inbox', options, ['slots', 'messages', 'owner', 'firstPosition']);
  const { messages } = options;
  const cells = integerOption('messages', messages, MESSAGES_DEFAULT, 2, MESSAGES_MAX);
  return Object.freeze({
    slots: integerOption('slots', options.slots, SLOTS_DEFAULT, 1, SLOTS_MAX),
    shift: 32 - Math.clz32(cells - 1),
    owner: stringOption('owner', options.owner, ''),
    first: integerOption('firstPosition', options.firstPosition, 0, 0, 0xffffffff),
  });
}

/** What a slot wakes. */
export interface RemoteTarget {
  /** Schedules it. May come without reason. Must not throw. */
  wokenRemotely(): void;
}

/** Who gets the messages. */
export interface InboxReceiver {
  /** A message; see `postToInbox`. */
  received(kind: number, argument: number): void;
}

/** Memory of closed inboxes by arena, for the next ones of this thread. */
const closedRegions = new WeakMap<Arena, Region[]>();

/** See the head of this file. All methods are for the thread that made it. */
export class Inbox {
  /** Where `postToInbox` on another thread finds it. */
  readonly address: InboxAddress;
  readonly #arena: Arena;
  readonly #region: Region;
  readonly #words: Int32Array;
  readonly #summary: number;
  readonly #leaves: number;
  readonly #generations: number;
  readonly #cells: number;
  readonly #capacity: number;
  readonly #shift: number;
  readonly #slots: number;
  readonly #targets: (RemoteTarget | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  #head: number;
  #closed = false;

  private constructor(arena: Arena, region: Region, doorbell: Doorbell) {
    const { words } = arena;
    const word = region.offset / 4;
    this.#arena = arena;
    this.#region = region;
    this.#words = words;
    this.#summary = word + Header.SUMMARY;
    this.#leaves = words[word + Header.LEAVES_AT]!;
    this.#generations = words[word + Header.GENERATIONS_AT]!;
    this.#cells = words[word + Header.CELLS_AT]!;
    this.#capacity = words[word + Header.CELLS]!;
    this.#shift = words[word + Header.SHIFT]!;
    this.#slots = words[word + Header.SLOTS]!;
    this.#head = loadAcquire(words, word + Header.TAIL);
    const epoch = loadAcquire(words, word + Header.EPOCH);
    this.address = { offset: region.offset, epoch, doorbell };
  }

  /**
   * A new inbox, whose owner is woken by `doorbell`: the waker of a driver of this thread that has
   * a `wakes` operation, upon whose completion `drain` is called.
   * @throws {RondoError} ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS
   */
  static create(arena: Arena, doorbell: Doorbell, options: ResolvedInboxOptions): Inbox {
    return new Inbox(arena, reuse(arena, options) ?? format(arena, options), doorbell);
  }

  /** Tasks that have a slot. */
  get registered(): number {
    return this.#targets.length - this.#freeSlots.length;
  }

  /** A waker of `target` for other threads; undefined when every slot is taken. */
  register(target: RemoteTarget): RemoteWaker | undefined {
    if (this.#closed) return undefined;
    let slot = this.#freeSlots.pop();
    if (slot === undefined) {
      if (this.#targets.length === this.#slots) return undefined;
      slot = this.#targets.length;
    }
    this.#targets[slot] = target;
    const { offset: inbox, doorbell } = this.address;
    return { inbox, slot, generation: this.#words[this.#generations + slot]!, doorbell };
  }

  /** Takes the slot back, at the end of its task. Twice is harmless. */
  release(waker: RemoteWaker): void {
    const { slot } = waker;
    if (this.#words[this.#generations + slot] !== waker.generation) return;
    if (this.#targets[slot] === undefined) return;
    this.#free(slot);
    this.#freeSlots.push(slot);
  }

  #free(slot: number): void {
    this.#targets[slot] = undefined;
    const index = this.#generations + slot;
    // Partner: the load in `wakeRemote`.
    storeRelease(this.#words, index, (this.#words[index]! + 1) | 0);
  }

  /**
   * Wakes the tasks that were woken and hands on the messages that were posted since the last call;
   * returns how many of both. Costs an atomic load for each 1024 slots in use and one for the
   * messages when there is nothing. Messages that come meanwhile may be left for the next call.
   */
  drain(receiver: InboxReceiver): number {
    const words = this.#words;
    let count = 0;
    const summaries = (this.#targets.length + 1023) >>> 10;
    for (let i = 0; i < summaries; i++) {
      // A load first: most turns find 0, and it is cheaper. A wake after it rings the bell.
      if (loadAcquire(words, this.#summary + i) === 0) continue;
      let leaves = exchange(words, this.#summary + i, 0); // Before the leaves: I2.
      while (leaves !== 0) {
        const leaf = (i << 5) | (31 - Math.clz32(leaves & -leaves));
        leaves &= leaves - 1;
        count += this.#take(leaf);
      }
    }
    return count + this.#receive(receiver);
  }

  #take(leaf: number): number {
    // Before any poll: I4. Acquires what the wakers wrote; partner: the `or` in `wakeRemote`.
    let bits = exchange(this.#words, this.#leaves + leaf, 0);
    let count = 0;
    while (bits !== 0) {
      const slot = (leaf << 5) | (31 - Math.clz32(bits & -bits));
      bits &= bits - 1;
      const target = this.#targets[slot];
      if (target === undefined) continue; // It has ended meanwhile.
      target.wokenRemotely();
      count += 1;
    }
    return count;
  }

  #receive(receiver: InboxReceiver): number {
    const words = this.#words;
    // Not more than fit: posters as fast as their owner would otherwise keep it here.
    for (let count = 0; count < this.#capacity; count++) {
      const cell = this.#cells + (this.#head & (this.#capacity - 1));
      // Acquires what the poster wrote; partner: the exchange in `postToInbox`.
      const seen = loadAcquire(words, cell);
      if (seen >= 0) return count;
      // Nobody else writes to a full cell. Publishes the lap of its next position; partner: the
      // load of the cell in `postToInbox`.
      storeRelease(words, cell, (this.#head + this.#capacity) >>> this.#shift);
      this.#head = (this.#head + 1) | 0;
      deliver(receiver, seen);
    }
    return this.#capacity;
  }

  /**
   * Call it when a thread has ended that may have been waking or posting, after its `exit`: it may
   * have marked the doorbell without ringing it, so that the others believe it rung. Rings it. A
   * drain must follow, as after every ring.
   */
  recover(): void {
    const { doorbell } = this.address;
    exchange(this.#words, doorbell.word >>> 2, 0);
    // One who marks it in between rings it, too.
    wakeDriver(this.#arena, doorbell);
  }

  /**
   * Takes nothing more: wakers do nothing, posters are told. What was posted before is handed on.
   * Idempotent.
   */
  close(receiver: InboxReceiver): void {
    if (this.#closed) return;
    this.#closed = true;
    const words = this.#words;
    const word = this.#region.offset / 4;
    for (let slot = 0; slot < this.#targets.length; slot++) this.#free(slot);
    // First of all, so that who sees what follows sees this too: M6.
    storeRelease(words, word + Header.EPOCH, (this.address.epoch + 1) | 0);
    const end = (this.#head + this.#capacity) | 0;
    while (this.#head !== end) {
      const cell = this.#cells + (this.#head & (this.#capacity - 1));
      const seen = exchange(words, cell, (this.#head + this.#capacity) >>> this.#shift);
      this.#head = (this.#head + 1) | 0;
      if (seen < 0) deliver(receiver, seen);
    }
    // Posters of the old epoch may have moved it on, but never beyond.
    storeRelease(words, word + Header.TAIL, end);
    const regions = closedRegions.get(this.#arena);
    if (regions === undefined) closedRegions.set(this.#arena, [this.#region]);
    else regions.push(this.#region);
  }
}

function deliver(receiver: InboxReceiver, cell: number): void {
  receiver.received((cell >>> KIND_SHIFT) & KIND_MAX, cell & ARGUMENT_MAX);
}

function format(arena: Arena, options: ResolvedInboxOptions): Region {
  const { slots, shift, owner, first } = options;
  const cells = 1 << shift;
  const parts = partsOf(slots, cells);
  const region = arena.allocate('inbox', parts.words * 4, { owner, kind: KIND });
  const { words } = arena;
  const word = region.offset / 4;
  words[word + Header.SLOTS] = slots;
  words[word + Header.CELLS] = cells;
  words[word + Header.SHIFT] = shift;
  words[word + Header.LEAVES_AT] = word + parts.leaves;
  words[word + Header.GENERATIONS_AT] = word + parts.generations;
  words[word + Header.CELLS_AT] = word + parts.cells;
  words[word + Header.TAIL] = first;
  for (let i = 0; i < cells; i++) {
    const position = first + i;
    words[word + parts.cells + (position & (cells - 1))] = (position >>> 0) >>> shift;
  }
  // Last. Other threads are told the offset by message, which publishes the rest.
  storeRelease(words, word + Header.MAGIC, MAGIC);
  region.used = parts.words * 4;
  return region;
}

/** The memory of a closed inbox of that size, as `close` left it. */
function reuse(arena: Arena, { slots, shift }: ResolvedInboxOptions): Region | undefined {
  const regions = closedRegions.get(arena) ?? [];
  const { words } = arena;
  const found = regions.findIndex(({ offset }) => {
    const word = offset / 4;
    return words[word + Header.SLOTS] === slots && words[word + Header.SHIFT] === shift;
  });
  return found < 0 ? undefined : regions.splice(found, 1)[0];
}
