/** Wakers of other executors: a value and four operations on it. */
import type { Waker } from './future.ts';

/**
 * The four operations of a waker on the value that it carries. None may throw. `wake` takes the
 * value (nothing is done with it afterwards), `clone` gives another one.
 */
export interface WakerOperations<D> {
  clone(data: D): D;
  wake(data: D): void;
  wakeByRef(data: D): void;
  drop(data: D): void;
}

/**
 * A waker from a value and its operations, with which any executor can poll Rondo's futures. Two
 * such wakers wake the same task when value and operations are identical.
 */
export function wakerFrom<D>(data: D, operations: WakerOperations<D>): Waker {
  return new ForeignWaker(data, operations);
}

class ForeignWaker<D> implements Waker {
  readonly #data: D;
  readonly #operations: WakerOperations<D>;

  constructor(data: D, operations: WakerOperations<D>) {
    this.#data = data;
    this.#operations = operations;
  }

  wake(): void {
    this.#operations.wake(this.#data);
  }

  wakeByRef(): void {
    this.#operations.wakeByRef(this.#data);
  }

  clone(): Waker {
    return new ForeignWaker(this.#operations.clone(this.#data), this.#operations);
  }

  drop(): void {
    this.#operations.drop(this.#data);
  }

  willWake(other: Waker): boolean {
    return (
      other instanceof ForeignWaker &&
      other.#data === this.#data &&
      other.#operations === this.#operations
    );
  }
}
