/** The driver's `wakes` operation, in flight while somebody listens. */
import { Errno } from '../base/index.ts';
import { CompletionFlag } from '../driver/index.ts';
import type { CompletionSink, Reactor, Resubmission } from './reactor.ts';

/** Tells listeners that another thread has woken the driver. */
export class Bell implements CompletionSink, Resubmission {
  readonly #reactor: Reactor;
  readonly #listeners = new Set<() => void>();
  /** Of them, those that hold the process. */
  #holders = 0;
  #id = 0;
  #token = 0;

  constructor(reactor: Reactor) {
    this.#reactor = reactor;
  }

  /** Returns what ends it. */
  listen(listener: () => void, hold: boolean): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    if (hold) this.#addHolders(1);
    if (this.#id === 0) this.resubmit();
    return () => {
      if (!this.#listeners.delete(own)) return;
      if (hold) this.#addHolders(-1);
      if (this.#listeners.size > 0) return;
      if (this.#id > 0) this.#reactor.driver.cancel(this.#id);
      this.#reactor.forgetRefused(this);
    };
  }

  /** The operation in flight, if there is one, holds the process while a listener does. */
  #addHolders(change: number): void {
    this.#holders += change;
    if (this.#id > 0) this.#reactor.hold(this.#token, this.#holders > 0);
  }

  resubmit(): boolean {
    const reactor = this.#reactor;
    if (reactor.isClosed || this.#listeners.size === 0 || this.#id !== 0) return true;
    const token = reactor.take(this);
    const id = reactor.driver.wakes(token);
    if (id > 0) {
      this.#id = id;
      this.#token = token;
      if (this.#holders === 0) reactor.hold(token, false);
      return true;
    }
    reactor.giveBack(token);
    if (id !== -Errno.ENOBUFS) return true;
    reactor.refused(this);
    return false;
  }

  completed(_result: number, flags: number): void {
    if ((flags & CompletionFlag.MORE) === 0) {
      this.#id = 0;
      this.resubmit();
      return;
    }
    for (const tell of this.#listeners) tell();
  }
}
