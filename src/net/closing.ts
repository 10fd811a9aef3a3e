/** The end of a handle: asked for once, waited for by anybody. */
import { Errno } from '../base/index.ts';
import type { CloseMode, Handle } from '../driver/index.ts';
import {
  Waiter,
  WaitQueue,
  type CompletionSink,
  type Reactor,
  type Resubmission,
} from '../runtime/index.ts';
import { PENDING, type Context, type Poll } from '../task/index.ts';

/** Closes a handle of the driver. */
export class Closing implements CompletionSink, Resubmission {
  readonly waiters: WaitQueue = new WaitQueue();
  readonly isClose = true;
  readonly #reactor: Reactor;
  readonly #handle: Handle;
  #mode: CloseMode = 'finish';
  #begun = false;
  #over = false;

  constructor(reactor: Reactor, handle: Handle) {
    this.#reactor = reactor;
    this.#handle = handle;
  }

  /** Whether the driver was asked. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Whether the handle is gone. */
  get over(): boolean {
    return this.#over;
  }

  /** Asks the driver, once. */
  begin(mode: CloseMode): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#mode = mode;
    this.resubmit();
  }

  resubmit(): boolean {
    const reactor = this.#reactor;
    // Who closes the reactor has closed everything.
    if (reactor.isClosed) return this.#end();
    const token = reactor.take(this);
    const id = reactor.driver.close(this.#handle, token, this.#mode);
    if (id > 0) return true;
    reactor.giveBack(token);
    if (id !== -Errno.ENOBUFS) return this.#end();
    reactor.refused(this);
    return false;
  }

  completed(): void {
    this.#end();
  }

  #end(): true {
    this.#over = true;
    this.waiters.wakeAll();
    return true;
  }
}

/** Waits until a handle is closed. Giving it up calls `hurry`, and waits on. */
export class Closed extends Waiter<void, never> {
  readonly #closing: Closing;
  readonly #hurry: () => void;

  constructor(closing: Closing, hurry: () => void) {
    super();
    this.#closing = closing;
    this.#hurry = hurry;
  }

  poll(context: Context): Poll<void> {
    if (this.#closing.over) {
      this.leave();
      return undefined;
    }
    if (this.queue === undefined) this.#closing.waiters.push(this);
    this.keep(context);
    return PENDING;
  }

  cancel(context: Context): Poll<void> {
    if (!this.#closing.over) this.#hurry();
    return this.poll(context);
  }
}
