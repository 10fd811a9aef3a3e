/** Futures for callbacks: polls one whenever it is woken, without a task of an executor. */
import { PENDING, type Context, type Future, type Waker } from '../task/index.ts';

/** Called once, with an error or the value. */
export type Settled<T> = (error: unknown, value: T | undefined) => void;

/** Runs what it is woken for after the driver's turn, once for any number of wakes. */
export abstract class Pump implements Context, Waker {
  #scheduled = false;
  readonly #run = (): void => {
    this.#scheduled = false;
    this.pump();
  };

  /** Goes on; may be called when there is nothing to do. */
  protected abstract pump(): void;

  get waker(): Waker {
    return this;
  }

  proceed(): boolean {
    return true;
  }

  wake(): void {
    this.wakeByRef();
  }

  wakeByRef(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(this.#run);
  }

  clone(): Waker {
    return this;
  }

  drop(): void {
    // Nothing is counted.
  }

  willWake(other: Waker): boolean {
    return other === this;
  }
}

/** One future that is driven to its end. */
class Drive<T> extends Pump {
  #future: Future<T> | undefined;
  readonly #settled: Settled<T>;

  constructor(future: Future<T>, settled: Settled<T>) {
    super();
    this.#future = future;
    this.#settled = settled;
  }

  /** Polls for the first time. */
  start(): void {
    this.pump();
  }

  protected pump(): void {
    const future = this.#future;
    if (future === undefined) return;
    let value: T;
    try {
      const polled = future.poll(this);
      if (polled === PENDING) return;
      value = polled;
    } catch (error) {
      this.#future = undefined;
      this.#settled(error, undefined);
      return;
    }
    this.#future = undefined;
    this.#settled(undefined, value);
  }
}

/** Polls a future until it has ended, beginning at once. */
export function drive<T>(future: Future<T>, settled: Settled<T>): void {
  new Drive(future, settled).start();
}
