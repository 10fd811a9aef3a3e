/**
 * Memory that sends refer to, counted: it goes back where it came from when the last send that
 * names it has completed (rule 4 of the driver: until then it is the driver's). Columns by hold,
 * ordinary arrays of small integers, so that nothing is allocated when a hold is used again.
 */
import { assert } from '../../base/index.ts';

/** Takes memory back when nothing refers to it any more. */
export type HoldOwner = (offset: number) => void;

export class Holds {
  readonly #offset: number[] = [];
  readonly #count: number[] = [];
  readonly #owner: HoldOwner[] = [];
  readonly #free: number[] = [];

  /** A hold on memory at `offset`, counted once. */
  take(owner: HoldOwner, offset: number): number {
    const hold = this.#free.pop() ?? this.#count.length;
    this.#offset[hold] = offset;
    this.#count[hold] = 1;
    this.#owner[hold] = owner;
    return hold;
  }

  count(hold: number): number {
    return this.#count[hold]!;
  }

  share(hold: number): void {
    this.#count[hold]! += 1;
  }

  release(hold: number): void {
    const left = this.#count[hold]! - 1;
    assert(left >= 0, 'a hold is released as often as it was taken and shared');
    this.#count[hold] = left;
    if (left > 0) return;
    this.#free.push(hold);
    this.#owner[hold]!(this.#offset[hold]!);
  }
}
