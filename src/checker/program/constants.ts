/**
 * Words that no thread writes: reading them is no event. There is one thing that such a read can see,
 * and where it adds no order between what stands around it, executions are the same without it. It is
 * found out on the way: when a word is written after all, exploration starts anew (`Resplit`), and
 * reads of that word are events from then on.
 */
import { Resplit } from './locations.ts';

/** Reads of constants in one run of a thread, beyond which it seems to wait for one to change. */
const READS_MAX = 20_000;

/** See the head of this file. */
export class Constants {
  /** Words that some thread writes, or waits for. */
  readonly #changing = new Set<number>();
  /** Words that were read as constants since exploration began. */
  readonly #read = new Set<number>();

  /** Exploration begins anew. */
  reset(): void {
    this.#read.clear();
  }

  /** Whether a read is none of what changes; `reads` are those of this run so far. */
  isConstant(memory: number, offset: number, size: number, reads: number): boolean {
    const first = keyOf(memory, offset);
    const last = keyOf(memory, offset + size - 1);
    for (let word = first; word <= last; word++) {
      if (this.#changing.has(word)) return false;
    }
    if (reads >= READS_MAX) {
      this.#changing.add(first);
      throw new Resplit();
    }
    for (let word = first; word <= last; word++) this.#read.add(word);
    return true;
  }

  /** A thread writes there. */
  change(memory: number, offset: number, size: number): void {
    const last = keyOf(memory, offset + size - 1);
    let wasRead = false;
    for (let word = keyOf(memory, offset); word <= last; word++) {
      if (this.#changing.has(word)) continue;
      this.#changing.add(word);
      wasRead ||= this.#read.has(word);
    }
    if (wasRead) throw new Resplit();
  }
}

function keyOf(memory: number, offset: number): number {
  return memory * 0x4000_0000 + (offset >>> 2);
}
