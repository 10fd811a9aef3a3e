/**
 * One operation of the driver as a future: submitted at the first poll, one object, no closures.
 *
 * Life: NEW → (REFUSED: the driver's table is full, the reactor submits it again when something has
 * completed) → FLYING → DONE → OVER. What was given up while flying is cancelled, and the future
 * is over at the final completion: until then the memory that the operation names is the kernel's.
 */
import { Errno, misuse, RondoError, type SystemError } from '../base/index.ts';
import type { Driver, OperationId } from '../driver/index.ts';
import {
  BaseFuture,
  PENDING,
  type Context,
  type Poll,
  type Waker,
  keepWaker,
} from '../task/index.ts';
import type { Reactor } from './reactor.ts';

const Stage = { NEW: 0, REFUSED: 1, FLYING: 2, DONE: 3, OVER: 4 } as const;

/** See the head of this file. Subclasses say what is submitted and what the result means. */
export abstract class Operation<T, E = SystemError> extends BaseFuture<T, E> {
  protected readonly reactor: Reactor;
  #stage: (typeof Stage)[keyof typeof Stage] = Stage.NEW;
  #id = 0;
  #result = 0;
  #cancelled = false;
  #waker: Waker | undefined;

  constructor(reactor: Reactor) {
    super();
    this.reactor = reactor;
  }

  /** Submits with that token. Returns what the driver returned: an id, or a negative errno. */
  protected abstract submit(driver: Driver, token: number): OperationId;

  /** The value of a result, or throws: called from the poll that ends the future. */
  protected abstract finish(result: number): T;

  /** Nobody wants a result ≥ 0 any more: closes what was opened. */
  protected discard(_result: number): void {
    // Most results are only numbers.
  }

  /**
   * The memory that the operation names is free again. Called exactly once: before `finish` or
   * `discard`, or when the future was given up without having been submitted.
   */
  protected released(): void {
    // Most operations name none.
  }

  /** Whether the next poll gives the result. */
  get hasResult(): boolean {
    return this.#stage === Stage.DONE;
  }

  poll(context: Context): Poll<T> {
    switch (this.#stage) {
      case Stage.NEW:
        if (this.reactor.isClosed) {
          this.#stage = Stage.OVER;
          this.released();
          throw closedError();
        }
        if (!context.proceed()) return PENDING;
        // Before the submission: its completion must find whom to wake.
        this.#waker = keepWaker(this.#waker, context);
        if (!this.#start()) return PENDING;
        break;
      case Stage.REFUSED:
      case Stage.FLYING:
        this.#waker = keepWaker(this.#waker, context);
        return PENDING;
      case Stage.OVER:
        throw misuse('ERR_TASK_OVER', 'Cannot poll an operation: it is over');
      default:
    }
    this.#stage = Stage.OVER;
    this.#forgetWaker();
    return this.finish(this.#result);
  }

  cancel(context: Context): Poll<void> {
    switch (this.#stage) {
      case Stage.FLYING:
        this.#waker = keepWaker(this.#waker, context);
        if (!this.#cancelled) {
          this.#cancelled = true;
          this.reactor.driver.cancel(this.#id);
        }
        return PENDING;
      case Stage.REFUSED:
        this.reactor.forgetRefused(this);
        this.released();
        break;
      case Stage.NEW:
        this.released();
        break;
      case Stage.DONE:
        if (this.#result >= 0) this.discard(this.#result);
        break;
      default:
    }
    this.#stage = Stage.OVER;
    this.#forgetWaker();
    return undefined;
  }

  /** The driver has room again. @internal */
  resubmit(): boolean {
    if (!this.#start()) return this.#stage === Stage.FLYING;
    this.#waker?.wakeByRef();
    return true;
  }

  /** @internal */
  completed(result: number): void {
    this.#result = result;
    this.released();
    if (this.#cancelled) {
      this.#stage = Stage.OVER;
      if (result >= 0) this.discard(result);
    } else {
      this.#stage = Stage.DONE;
    }
    const waker = this.#waker;
    this.#waker = undefined;
    waker?.wake();
  }

  /** Returns whether there is a result already: it was refused for good. */
  #start(): boolean {
    const { reactor } = this;
    let id = -Errno.ECANCELED;
    if (!reactor.isClosed) {
      const token = reactor.take(this);
      id = this.#submit(token);
      if (id > 0) {
        this.#id = id;
        this.#stage = Stage.FLYING;
        return false;
      }
      reactor.giveBack(token);
    }
    if (id === -Errno.ENOBUFS) {
      this.#stage = Stage.REFUSED;
      reactor.refused(this);
      return false;
    }
    this.#result = id;
    this.#stage = Stage.DONE;
    this.released();
    return true;
  }

  #submit(token: number): number {
    try {
      return this.submit(this.reactor.driver, token);
    } catch (error) {
      // Arguments that cannot be: nothing was submitted.
      this.reactor.giveBack(token);
      this.#stage = Stage.OVER;
      this.#forgetWaker();
      this.released();
      throw error;
    }
  }

  #forgetWaker(): void {
    this.#waker?.drop();
    this.#waker = undefined;
  }
}

function closedError(): RondoError {
  return new RondoError('ERR_DRIVER_CLOSED', 'Cannot start an operation: its runtime was closed');
}
