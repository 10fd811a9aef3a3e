/**
 * The word by which other threads wake a driver that has no pipe. It is waited on only while
 * somebody wants to know; woken meanwhile, it stays 1 and is seen at the next start.
 *
 * Waiting alone does not keep the event loop alive; the driver does, as for any operation.
 */
import { exchange, loadAcquire, notify, storeRelease, waitAsync } from '#atomics';
import type { Arena, Region } from '../../memory/index.ts';

export class WakeWord {
  readonly #words: Int32Array;
  readonly #region: Region;
  readonly #word: number;
  readonly #woken: () => void;
  #waiting: Promise<unknown> | undefined;
  #stopped = false;

  /** `woken` is called when the word may be 1; it takes it by `take`. */
  constructor(arena: Arena, owner: string, woken: () => void) {
    this.#words = arena.words;
    this.#region = arena.allocate('driver waker', 4, { owner });
    this.#word = this.#region.offset / 4;
    this.#woken = woken;
  }

  /** Arena offset. */
  get offset(): number {
    return this.#region.offset;
  }

  /** Waits, unless it waits already. */
  start(): void {
    if (this.#waiting || this.#stopped) return;
    const wait = waitAsync(this.#words, this.#word, 0);
    if (!wait.async) {
      this.#woken();
      return;
    }
    this.#waiting = wait.value.then(() => {
      this.#waiting = undefined;
      if (!this.#stopped) this.#woken();
    });
  }

  /** Whether it was woken since the last call. Partner: the exchange in `wakeDriver`. */
  take(): boolean {
    // Most turns find 0: the load is cheaper than the exchange.
    if (loadAcquire(this.#words, this.#word) === 0) return false;
    return exchange(this.#words, this.#word, 0) === 1;
  }

  /** Ends the wait, so that no waiter is left on memory that is given back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    storeRelease(this.#words, this.#word, 1);
    notify(this.#words, this.#word, Infinity);
    await this.#waiting;
    this.#region.release();
  }
}
