/**
 * Values that a test takes while it is set up: each combination is explored, one after the other.
 * The same for all threads of one combination, so that the set-up stays what it was when it is done
 * again.
 */
import { RondoError } from '../../base/index.ts';

/** Thrown while a test is set up with inputs that it does not ask about. */
export class Unasked extends Error {}

/** Inputs of one set-up at most. */
const INPUTS_MAX = 64;

/** See the head of this file. */
export class Inputs {
  readonly #values: number[] = [];
  readonly #counts: number[] = [];
  #cursor = 0;
  /** Whether the test takes any, whatever the combination. */
  isAsked: boolean = false;
  #isDenied = false;
  /** Gives values that are taken for the first time; the first of all, if there is none. */
  draw: ((count: number) => number) | undefined;

  /** Forgets all values. */
  clear(): void {
    this.#values.length = 0;
    this.#counts.length = 0;
  }

  /** Sets the first values, which `take` then gives; `counts` as far as they are known. */
  set(values: readonly number[], counts: readonly number[] = []): void {
    this.clear();
    this.#values.push(...values);
    this.#counts.push(...counts);
  }

  /** Of how many each of `values` is one. */
  get counts(): readonly number[] {
    return this.#counts;
  }

  /** The set-up begins. */
  start(): void {
    this.#cursor = 0;
    this.#isDenied = false;
  }

  /** The test does not ask about them: to be thrown, and remembered where the test catches it. */
  deny(): Unasked {
    this.#isDenied = true;
    return new Unasked();
  }

  /** Whether the test does not ask about them. */
  get isDenied(): boolean {
    return this.#isDenied;
  }

  /** One of `0 … count - 1`. */
  take(count: number): number {
    const index = this.#cursor;
    if (index >= INPUTS_MAX) {
      throw new RondoError('ERR_CHECKER_SIZE', `Cannot check more than ${INPUTS_MAX} inputs`);
    }
    this.#cursor += 1;
    this.isAsked = true;
    if (index === this.#values.length) {
      this.#values.push(this.draw?.(count) ?? 0);
      this.#counts.push(count);
    } else if (index === this.#counts.length && this.#values[index]! < count) {
      this.#counts.push(count);
    } else if (this.#counts[index] !== count) {
      throw new RondoError(
        'ERR_CHECKER_NONDETERMINISTIC',
        `Cannot check the test: its input ${index} had ${this.#counts[index]} values and has ${count}`,
      );
    }
    return this.#values[index]!;
  }

  /** Goes to the next combination; false when there is none. */
  advance(): boolean {
    for (;;) {
      const value = this.#values.pop();
      const count = this.#counts.pop();
      if (value === undefined || count === undefined) return false;
      if (value + 1 < count) {
        this.#values.push(value + 1);
        this.#counts.push(count);
        return true;
      }
    }
  }

  /** The values of this combination, in the order in which they were taken. */
  get values(): readonly number[] {
    return this.#values;
  }
}
