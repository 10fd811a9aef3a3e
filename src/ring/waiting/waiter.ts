/**
 * Waiting of one side of a ring, blocking or not (`spec/ring.md`, §8): spin, say that one sleeps,
 * look again, sleep. Whoever sleeps learns of a peer's death from its pidfd in the event loop, and
 * otherwise within a slice.
 */
import { waitBlocking } from '#atomics';
import { type Clock, misuse, outOfRange, systemClock } from '../../base/index.ts';
import type { Arena } from '../../memory/index.ts';
import { loadNative, type Native } from '../../native/index.ts';
import type { Membership } from '../segment/membership.ts';
import { callAttention, hasFutex } from './bell.ts';
import { LoopBells } from './loop-bells.ts';
import { SpinBudget } from './spin.ts';
import { publishPending } from './turn-end.ts';

/** How long a blocked thread sleeps before it looks for dead peers, in ms. */
const SLICE = 50;

/** What a wait can end with. */
export type Sight = 'ready' | 'ended' | 'orphaned';

/** What a side waits for. */
export interface Lookout {
  /** What there is now; undefined when there is nothing yet. */
  look(): Sight | undefined;
  /** Whether `look` would say `ready`. Cheap: it is called in spins. */
  isReady(): boolean;
  /** Publishes and releases what was held back: the other side may wait for that. */
  beforeSleep(): void;
}

/**
 * When a wait of `timeoutMs` from now on ends.
 * @throws {RangeError} ERR_OPTION_RANGE unless it is from 0 to Infinity
 */
export function endOf(timeoutMs: number, clock: Clock = systemClock): number {
  if (timeoutMs >= 0) return clock.now() + timeoutMs;
  throw outOfRange('ERR_OPTION_RANGE', `Cannot wait for ${timeoutMs} ms: it must be at least 0`);
}

/** Milliseconds until `end`, at least 0. */
export function leftUntil(end: number, clock: Clock = systemClock): number {
  return Math.max(0, end - clock.now());
}

/** See the head of this file. */
export class Waiter {
  readonly #arena: Arena;
  readonly #bell: number;
  readonly #membership: Membership;
  readonly #lookout: Lookout;
  readonly #spin: SpinBudget;
  readonly #clock: Clock;
  /** Undefined where threads sleep with `Atomics.wait`. */
  readonly #native: Native | undefined;
  /** Sleeps in the event loop. */
  readonly #sleeps = new Set<LoopSleep>();
  #unwatch: (() => void) | undefined;

  constructor(
    arena: Arena,
    bell: number,
    membership: Membership,
    lookout: Lookout,
    spinMicroseconds: number,
    clock: Clock = systemClock,
  ) {
    this.#arena = arena;
    this.#bell = bell;
    this.#membership = membership;
    this.#lookout = lookout;
    this.#clock = clock;
    this.#spin = new SpinBudget(spinMicroseconds, clock);
    if (!hasFutex()) return;
    this.#native = loadNative();
    this.#native.attachArena(arena.bytes);
  }

  /** Blocks the thread until there is something, at most `timeoutMs`. */
  blocking(timeoutMs: number): Sight | 'timeout' {
    const lookout = this.#lookout;
    const end = endOf(timeoutMs, this.#clock);
    let sight = lookout.look();
    if (sight !== undefined) return sight;
    // Nothing else of this thread runs until it goes on: what is waited for may depend on it.
    publishPending();
    lookout.beforeSleep();
    const isSpun = this.#spin.spin(
      () => lookout.isReady(),
      () => lookout.look() !== undefined,
    );
    sight = isSpun ? lookout.look() : undefined;
    if (sight !== undefined) return sight;
    for (;;) {
      const bell = callAttention(this.#arena.words, this.#bell >>> 2);
      sight = lookout.look();
      if (sight !== undefined) return sight;
      const left = end - this.#clock.now();
      if (left <= 0) return 'timeout';
      if (!this.#sleep(bell, Math.min(SLICE, Math.ceil(left)))) this.#membership.lookForDeaths();
      sight = lookout.look();
      if (sight !== undefined) return sight;
    }
  }

  /** Sleeps while the bell is as it was; false when the time ran out. */
  #sleep(bell: number, milliseconds: number): boolean {
    if (!this.#native) {
      const { words } = this.#arena;
      return waitBlocking(words, this.#bell >>> 2, bell, milliseconds) !== 'timed-out';
    }
    return this.#native.futexWaitBlocking(this.#bell, bell, milliseconds) !== -ETIMEDOUT;
  }

  /**
   * Waits in the event loop until there is something. One wait at a time, unless it may be `beside`
   * others.
   * @throws {TypeError} ERR_RING_CLAIM when it waits already
   */
  inLoop(
    signal: AbortSignal | undefined,
    options: { readonly beside?: boolean } = {},
  ): Promise<Sight> {
    // Whatever it is: the reason is the user's.
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const sight = this.#lookout.look();
    if (sight !== undefined) return Promise.resolve(sight);
    if (this.#sleeps.size > 0 && options.beside !== true) {
      throw misuse('ERR_RING_CLAIM', 'Cannot wait twice at a time on one side of a ring');
    }
    return new Promise((resolve, reject) => {
      const sleep = new LoopSleep(this.#parts(), (settle) => {
        this.#sleeps.delete(sleep);
        signal?.removeEventListener('abort', abort);
        settle(resolve, reject);
      });
      const abort = (): void => sleep.fail(signal!.reason);
      this.#sleeps.add(sleep);
      signal?.addEventListener('abort', abort);
      try {
        // Once for all waits: watching processes costs system calls.
        this.#unwatch ??= this.#membership.watch(() => this.#poke());
        this.#lookout.beforeSleep();
      } catch (error) {
        sleep.fail(error);
      }
      sleep.poke();
    });
  }

  #parts(): SleepParts {
    return {
      arena: this.#arena,
      bell: this.#bell,
      membership: this.#membership,
      lookout: this.#lookout,
    };
  }

  #poke(): void {
    for (const sleep of [...this.#sleeps]) sleep.poke();
  }

  /** This side is over: waits in the event loop look once more, peers are watched no longer. */
  close(): void {
    this.#poke();
    this.#unwatch?.();
    this.#unwatch = undefined;
  }
}

const ETIMEDOUT = 110;

interface SleepParts {
  readonly arena: Arena;
  readonly bell: number;
  readonly membership: Membership;
  readonly lookout: Lookout;
}

/** Hands the end of a sleep to its promise. */
type Settle = (resolve: (sight: Sight) => void, reject: (reason: unknown) => void) => void;

/** One sleep in the event loop, from the first look to the last. */
class LoopSleep {
  readonly #parts: SleepParts;
  readonly #done: (settle: Settle) => void;
  #cancel: (() => void) | undefined;
  #over = false;

  constructor(parts: SleepParts, done: (settle: Settle) => void) {
    this.#parts = parts;
    this.#done = done;
  }

  /** Looks; goes on sleeping when there is nothing. */
  poke(): void {
    if (this.#over) return;
    try {
      const sight = this.#look();
      if (sight !== undefined) this.#end((resolve) => resolve(sight));
    } catch (error) {
      this.fail(error);
    }
  }

  #look(): Sight | undefined {
    const { arena, bell, membership, lookout } = this.#parts;
    this.#cancel?.();
    this.#cancel = undefined;
    const word = callAttention(arena.words, bell >>> 2);
    const sight = lookout.look();
    if (sight !== undefined) return sight;
    // Woken in vain, or about to sleep for the first time: there may be a new peer to watch.
    membership.refresh();
    const wake = (): void => {
      this.#cancel = undefined;
      this.poke();
    };
    this.#cancel = LoopBells.of(arena).sleep(bell, word, wake, true);
    return undefined;
  }

  /** Ends it with an error, or with whatever a signal was aborted with. */
  fail(reason: unknown): void {
    this.#end((_resolve, reject) => reject(reason));
  }

  #end(settle: Settle): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancel?.();
    this.#done(settle);
  }
}
