/**
 * What other threads do to an inbox: mark a slot, or post a message. The protocol, its invariants
 * and the reasons are at the head of `inbox.ts`.
 */
import { compareExchange, loadAcquire, or } from '#atomics';
import { integerOption } from '../../base/index.ts';
import { wakeDriver, type Waker as Doorbell } from '../../driver/index.ts';
import type { Arena } from '../../memory/index.ts';
import { ARGUMENT_MAX, FULL, Header, KIND_MAX, KIND_SHIFT, PARITY_SHIFT } from './inbox-layout.ts';

/**
 * Wakes a task of another thread. Plain data: post it to any thread that shares the arena, and call
 * `wakeRemote` there. It stays good for nothing after the task's end, and must not be used any more
 * after the driver of the task's executor was destroyed.
 */
export interface RemoteWaker {
  /** Arena offset of the inbox. */
  readonly inbox: number;
  readonly slot: number;
  /** Of the slot: tells the task from later ones. */
  readonly generation: number;
  /** Wakes the thread that owns the inbox. */
  readonly doorbell: Doorbell;
}

/** Where messages for an executor go. Plain data, as `RemoteWaker` is. */
export interface InboxAddress {
  /** Arena offset. */
  readonly offset: number;
  /** Tells the inbox from later ones at the same place. */
  readonly epoch: number;
  /** Wakes the thread that owns the inbox. */
  readonly doorbell: Doorbell;
}

/**
 * Wakes the task, from any thread: it is polled once for all wakes since its last poll. What the
 * caller wrote to the arena before is visible to that poll. Does nothing when the task has ended.
 * Costs about 30 ns; a system call only when the owner has not been woken since it last looked.
 */
export function wakeRemote(arena: Arena, waker: RemoteWaker): void {
  const { words } = arena;
  const inbox = waker.inbox >>> 2;
  const { slot } = waker;
  // A hint: the slot may be given to another task right after, which is then woken for nothing.
  const generation = words[inbox + Header.GENERATIONS_AT]! + slot;
  if (loadAcquire(words, generation) !== waker.generation) return;
  const leaf = slot >>> 5;
  // Publishes the wake and all that the caller wrote. Partner: the owner's exchange of the leaf.
  or(words, words[inbox + Header.LEAVES_AT]! + leaf, 1 << (slot & 31));
  // No short way when the bits were set already: who set them may not have come any further (I3).
  const summary = inbox + Header.SUMMARY + (leaf >>> 5);
  const bit = 1 << (leaf & 31);
  if ((loadAcquire(words, summary) & bit) === 0) or(words, summary, bit);
  wakeDriver(arena, waker.doorbell);
}

/**
 * Posts a message to an executor, from any thread: a kind, 0 to 7, and an argument, 0 to 2^27 - 1,
 * most often the index of something in the arena. What the caller wrote there before is visible to
 * the receiver. Messages of one thread arrive in their order. `full` and `closed` have no effect.
 * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function postToInbox(
  arena: Arena,
  address: InboxAddress,
  kind: number,
  argument: number,
): 'posted' | 'full' | 'closed' {
  integerOption('kind', kind, 0, 0, KIND_MAX);
  integerOption('argument', argument, 0, 0, ARGUMENT_MAX);
  const { words } = arena;
  const inbox = address.offset >>> 2;
  const message = FULL | (kind << KIND_SHIFT) | argument;
  const tail = inbox + Header.TAIL;
  const shift = words[inbox + Header.SHIFT]!;
  const cells = words[inbox + Header.CELLS_AT]!;
  const mask = words[inbox + Header.CELLS]! - 1;
  for (;;) {
    const position = loadAcquire(words, tail);
    // After the position: a position of this epoch is of no use in a later one (M6).
    if (loadAcquire(words, inbox + Header.EPOCH) !== address.epoch) return 'closed';
    const cell = cells + (position & mask);
    const lap = position >>> shift;
    const seen = loadAcquire(words, cell);
    if (seen === lap) {
      const full = message | ((lap & 1) << PARITY_SHIFT);
      // Claims and publishes. Partner: the owner's load of the cell.
      if (compareExchange(words, cell, lap, full) !== lap) continue;
      compareExchange(words, tail, position, (position + 1) | 0);
      wakeDriver(arena, address.doorbell);
      return 'posted';
    }
    const isOfLapBefore = seen < 0 && ((seen >>> PARITY_SHIFT) & 1) !== (lap & 1);
    if (!isOfLapBefore) {
      // Filled, perhaps emptied again: its poster has not moved the tail yet, or never will (M4).
      compareExchange(words, tail, position, (position + 1) | 0);
    } else if (loadAcquire(words, tail) === position) {
      return 'full';
    }
  }
}
