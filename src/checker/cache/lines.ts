/**
 * The cache of one core: sets of ways, of which the least recently used is replaced. Copies carry
 * the number of writes that the line has seen, in place of its bytes: who reads the newest value
 * reads the highest number.
 */
import { assert } from '../../base/index.ts';
import type { State } from './protocol.ts';

/** A line in a cache; `state` is never I. */
export interface Copy {
  readonly line: number;
  state: State;
  /** Writes that are in it. */
  version: number;
  /** It was fetched besides, and nobody has used it yet. */
  isPrefetched: boolean;
}

/** See the head of this file. Lines are numbers: addresses divided by the bytes of a line. */
export class CoreCache {
  readonly #sets: number;
  readonly #ways: number;
  /** The lines of each set that was used, the least recently used first. */
  readonly #lines = new Map<number, Copy[]>();

  constructor(sets: number, ways: number) {
    this.#sets = sets;
    this.#ways = ways;
  }

  /** The copy of a line; the order of use stays. */
  find(line: number): Copy | undefined {
    return this.#lines.get(line % this.#sets)?.find((copy) => copy.line === line);
  }

  /** The line was used just now. */
  touch(copy: Copy): void {
    const set = this.#lines.get(copy.line % this.#sets)!;
    if (set.at(-1) === copy) return;
    set.splice(set.indexOf(copy), 1);
    set.push(copy);
  }

  /** The copy that has to go before this line can come; undefined when there is room. */
  victim(line: number): Copy | undefined {
    const set = this.#lines.get(line % this.#sets);
    return set !== undefined && set.length === this.#ways ? set[0] : undefined;
  }

  /** The line is there from now on, and used just now. */
  insert(copy: Copy): void {
    const index = copy.line % this.#sets;
    const set = this.#lines.get(index);
    if (set === undefined) {
      this.#lines.set(index, [copy]);
      return;
    }
    assert(set.length < this.#ways, 'a line comes into a set that has room');
    assert(
      set.every(({ line }) => line !== copy.line),
      'a cache has a line once',
    );
    set.push(copy);
  }

  /** The line is gone. */
  remove(copy: Copy): void {
    const set = this.#lines.get(copy.line % this.#sets);
    const index = set?.indexOf(copy) ?? -1;
    assert(index >= 0, 'a line that goes was there');
    set!.splice(index, 1);
  }
}
