/**
 * Bells: the words on which the two sides of a ring sleep (`spec/ring.md`, §8).
 *
 * Bit 0 says that somebody may be asleep or asks for attention, the others count rings. A sleeper
 * sets the bit, looks again, then waits while the word is what it was. A ringer has stored what it
 * has to tell, then loads the bell; only when the bit is set does it come here. All accesses are
 * sequentially consistent, so one of the two always sees the other; and because rings are counted,
 * a sleeper never takes the bit of another one for its own.
 */
import { compareExchange, loadAcquire, notify, or } from '#atomics';
import type { Arena } from '../../memory/index.ts';
import { loadNative, nativeStatus } from '../../native/index.ts';

const EVERYBODY = 0x7fff_ffff;
/** In a bell: somebody may be asleep, or asks for attention. */
const ASLEEP = 1;

/** Whether this process sleeps with futex(2); otherwise its threads share `Atomics.wait`. */
export function hasFutex(): boolean {
  return nativeStatus().available;
}

/** Whether a bell has to be rung. `index` is that of its word. */
export function isAwaited(words: Int32Array, index: number): boolean {
  return (loadAcquire(words, index) & ASLEEP) !== 0;
}

/** Says that one sleeps, or wants attention; returns the word to sleep on. */
export function callAttention(words: Int32Array, index: number): number {
  return or(words, index, ASLEEP) | ASLEEP;
}

/**
 * Rings the bell at an arena offset, if somebody may be asleep: wakes all sleepers and returns how
 * many woke. All, also where one would do: whoever woke fewer would have to set the bit again, and
 * a ringer in between would pass by those who sleep on.
 */
export function ringBell(arena: Arena, offset: number): number {
  const { words } = arena;
  const index = offset >>> 2;
  for (;;) {
    const bell = loadAcquire(words, index);
    // Cleared meanwhile: another ringer wakes those who slept, after what is told here was stored.
    if ((bell & ASLEEP) === 0) return 0;
    // The bit is set, so that one more clears it and counts.
    if (compareExchange(words, index, bell, (bell + 1) | 0) === bell) break;
  }
  if (!hasFutex()) return notify(words, index, EVERYBODY);
  const native = loadNative();
  native.attachArena(arena.bytes);
  return Math.max(0, native.futexWake(offset, EVERYBODY));
}
