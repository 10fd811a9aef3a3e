/** Waking a driver from another thread that shares its arena. */
import { compareExchange, exchange, notify } from '#atomics';
import type { Arena } from '../memory/index.ts';
import { nativeStatus, type Native } from '../native/index.ts';
import type { Waker } from './driver.ts';

/** The arena that the addon knows on this thread, as far as this file has seen. */
let attached: Arena | undefined;

/**
 * Wakes the driver: its `wakes` operation completes soon. Any number of calls before the driver
 * looks give one completion. Costs one atomic exchange when it was woken already, else a system
 * call. What the caller wrote to the arena before is visible to the driver's handler.
 */
export function wakeDriver(arena: Arena, waker: Waker): void {
  const { word, descriptor } = waker;
  if (descriptor === -1) {
    if (exchange(arena.words, word >>> 2, 1) === 0) notify(arena.words, word >>> 2, 1);
    return;
  }
  // An exchange although it changes nothing: it publishes what the caller wrote, as a load does
  // not.
  if (compareExchange(arena.words, word >>> 2, 1, 1) === 1) return;
  const status = nativeStatus();
  if (!status.available) return;
  const { native } = status;
  if (arena === attached || attach(native, arena)) native.wakeSignal(word, descriptor);
  else if (exchange(arena.words, word >>> 2, 1) === 0) native.wakePipeWrite(descriptor);
}

/** False on a thread whose own drivers work in another arena. */
function attach(native: Native, arena: Arena): boolean {
  try {
    native.attachArena(arena.bytes);
  } catch {
    return false;
  }
  attached = arena;
  return true;
}
