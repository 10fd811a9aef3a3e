/**
 * Sleeping on bells inside the event loop: no thread per ring, no polling. One futex watch of the
 * addon serves all bells of a thread (io_uring where it is allowed, otherwise a waiter thread for
 * 127 bells); without the addon `Atomics.waitAsync` does.
 *
 * Whoever rings changes the word and then wakes, and may die in between. Then sleepers sleep on,
 * and nobody else rings for them, because the bit that asks for it is gone. Of a peer that was
 * known its pidfd tells; for one that had only just joined, a thread that sleeps looks at its bells
 * once a second.
 */
import { loadAcquire, waitAsync } from '#atomics';
import { Errno, RondoError, SystemError } from '../../base/index.ts';
import type { Arena, Region } from '../../memory/index.ts';
import { loadNative, type Native } from '../../native/index.ts';
import { hasFutex } from './bell.ts';

/** Bells that a thread can sleep on at a time. */
const SLOTS = 256;
/** The longest that a timer of Node can be, in ms. */
const TIMER_MAX = 2 ** 31 - 1;
/** How often a thread that sleeps looks at its bells, in ms: more often would cost idle CPU. */
const LOOK_MS = 1000;
const IO_URING = 1;
const THREADS = 2;

/** Who sleeps on a bell: called once when it rings, or for no reason. */
export type Sleeper = () => void;

interface Slot {
  readonly offset: number;
  /** The word that is slept on. */
  readonly bell: number;
  readonly sleepers: Set<Sleeper>;
}

/** The bells of one thread. */
export class LoopBells {
  static readonly #all = new WeakMap<Arena, LoopBells>();

  /** Those on an arena, made when first asked for. */
  static of(arena: Arena): LoopBells {
    let bells = LoopBells.#all.get(arena);
    if (!bells) LoopBells.#all.set(arena, (bells = new LoopBells(arena)));
    return bells;
  }

  readonly #arena: Arena;
  readonly #slots: (Slot | undefined)[] = [];
  readonly #byOffset = new Map<number, number>();
  #region: Region | undefined;
  #native: Native | undefined;
  #loop = -1;
  /** Sleepers that keep the process alive. */
  #alive = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(arena: Arena) {
    this.#arena = arena;
  }

  /**
   * Sleeps while the word at `offset` is `bell`, which `callAttention` gave; the sleeper has looked
   * again since.
   * `keepAlive` is whether the process must not end meanwhile. Returns what ends the sleep early.
   * @throws {RondoError} ERR_SLAB_EXHAUSTED when the thread sleeps on 256 bells already
   */
  sleep(offset: number, bell: number, sleeper: Sleeper, keepAlive: boolean): () => void {
    if (!hasFutex()) return this.#sleepInProcess(offset, bell, sleeper, keepAlive);
    const slot = this.#slotOf(offset, bell);
    if (keepAlive && ++this.#alive === 1) this.#native!.loopReference(this.#loop, true);
    const end = (): boolean => {
      if (!slot.sleepers.delete(wake)) return false;
      if (keepAlive && --this.#alive === 0) this.#native!.loopReference(this.#loop, false);
      return true;
    };
    const wake = (): void => {
      if (end()) sleeper();
    };
    slot.sleepers.add(wake);
    return () => {
      if (end() && slot.sleepers.size === 0) this.#disarm(slot);
    };
  }

  #slotOf(offset: number, bell: number): Slot {
    this.#attach();
    const known = this.#byOffset.get(offset);
    // It may wait for an older word; then it fires at once, and all look again.
    if (known !== undefined) return this.#slots[known]!;
    let index = this.#slots.findIndex((slot) => slot === undefined);
    if (index < 0) index = this.#slots.length;
    if (index === SLOTS) {
      throw new RondoError(
        'ERR_SLAB_EXHAUSTED',
        `Cannot sleep on another ring: this thread sleeps on ${SLOTS} already`,
      );
    }
    const result = this.#native!.futexWatchArm(index, offset, bell);
    if (result < 0) throw new SystemError('futex_waitv', -result, 'sleeping on a ring');
    const slot: Slot = { offset, bell, sleepers: new Set() };
    this.#slots[index] = slot;
    this.#byOffset.set(offset, index);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
    return slot;
  }

  /** Wakes who sleeps on a bell that was rung by somebody who died before he woke them. */
  #look(): void {
    if (this.#byOffset.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    const slots = this.#slots.filter((slot) => slot !== undefined);
    for (const slot of slots) {
      if (loadAcquire(this.#arena.words, slot.offset >>> 2) === slot.bell) continue;
      this.#disarm(slot);
      for (const wake of [...slot.sleepers]) wake();
    }
  }

  #disarm(slot: Slot): void {
    const index = this.#byOffset.get(slot.offset);
    // It has fired, and the bell may have another slot by now.
    if (index === undefined || this.#slots[index] !== slot) return;
    this.#native!.futexWatchDisarm(index);
    this.#forget(index);
  }

  #forget(index: number): Slot | undefined {
    const slot = this.#slots[index];
    if (slot) this.#byOffset.delete(slot.offset);
    this.#slots[index] = undefined;
    return slot;
  }

  #attach(): void {
    if (this.#loop >= 0) return;
    const native = loadNative();
    native.attachArena(this.#arena.bytes);
    this.#region ??= this.#arena.allocate('bells that rang', (SLOTS + 1) * 4, { owner: 'ring' });
    const { offset } = this.#region;
    const dirty = offset + SLOTS * 4;
    const onFired = (count: number): void => this.#fired(count);
    let loop = native.futexWatchAttach(IO_URING, offset, dirty, onFired);
    if (loop < 0) loop = native.futexWatchAttach(THREADS, offset, dirty, onFired);
    if (loop < 0) {
      const why = -loop === Errno.ENOSYS ? 'Linux 5.16 or later is needed' : 'no backend works';
      throw new SystemError('futex_waitv', -loop, `sleeping on rings in the event loop: ${why}`);
    }
    this.#native = native;
    this.#loop = loop;
    // The memory of a worker is not given back by its end.
    process.once('exit', () => this.#detach());
  }

  #detach(): void {
    this.#native?.loopDetach(this.#loop);
    this.#loop = -1;
    this.#region?.release();
    this.#region = undefined;
  }

  #fired(count: number): void {
    const first = this.#region!.offset >>> 2;
    // Copied: a sleeper may sleep again, and be fired again, while the others are being woken.
    const fired = Array.from(this.#arena.unsigned.subarray(first, first + count));
    for (const index of fired) {
      const slot = this.#forget(index);
      for (const wake of slot ? [...slot.sleepers] : []) wake();
    }
  }

  /** `Atomics.waitAsync` keeps no process alive: a timer does, which never fires. */
  #sleepInProcess(offset: number, bell: number, sleeper: Sleeper, keepAlive: boolean): () => void {
    const wait = waitAsync(this.#arena.words, offset >>> 2, bell);
    const timer = keepAlive ? setInterval(() => undefined, TIMER_MAX) : undefined;
    let isOver = false;
    const end = (): boolean => {
      if (isOver) return false;
      isOver = true;
      clearInterval(timer);
      return true;
    };
    const wake = (): void => {
      if (end()) sleeper();
    };
    if (wait.async) void wait.value.then(wake);
    else queueMicrotask(wake);
    return () => void end();
  }
}
