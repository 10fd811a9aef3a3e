/** The bytes of all blocks of a test in one numbering, and what they hold at first. */
import type { EcmaTest } from './ecma-test.ts';

/** Blocks lie so far apart: no access reaches from one into the next. */
const APART = 2 ** 20;

/** Where blocks lie. */
export class Memory {
  readonly #blocks: string[] = [];
  readonly #initial = new Map<number, number>();

  constructor({ initial }: Pick<EcmaTest, 'initial'>) {
    for (const { block, offset, bytes } of initial) {
      const first = this.address(block, offset);
      bytes.forEach((byte, at) => this.#initial.set(first + at, byte));
    }
  }

  /** The number of a byte. */
  address(block: string, offset: number): number {
    let at = this.#blocks.indexOf(block);
    if (at === -1) at = this.#blocks.push(block) - 1;
    return at * APART + offset;
  }

  /** What a byte holds before the threads start. */
  initial(address: number): number {
    return this.#initial.get(address) ?? 0;
  }

  /** Initial bytes from an address on. */
  initialBytes(address: number, size: number): number[] {
    return Array.from({ length: size }, (_, at) => this.initial(address + at));
  }
}
