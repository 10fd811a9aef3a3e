/** Waking a driver from another thread that shares its arena. */
import { exchange, notify } from '#atomics';
import type { Arena } from '../memory/index.ts';
import { nativeStatus } from '../native/index.ts';
import type { Waker } from './driver.ts';

/**
 * Wakes the driver: its `wakes` operation completes soon. Any number of calls before the driver
 * looks give one completion. Costs one atomic exchange when it was woken already, else a system
 * call. What the caller wrote to the arena before is visible to the driver's handler.
 */
export function wakeDriver(arena: Arena, waker: Waker): void {
  const word = waker.word >>> 2;
  if (exchange(arena.words, word, 1) === 1) return;
  if (waker.eventfd === -1) {
    notify(arena.words, word, 1);
    return;
  }
  const status = nativeStatus();
  if (status.available) status.native.eventfdSignal(waker.eventfd);
}
