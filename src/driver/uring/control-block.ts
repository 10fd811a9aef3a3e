/**
 * The page through which the driver and the addon talk without calls, and constants that
 * submission entries point to.
 *
 * | word | unit | writer | readers |
 * | --- | --- | --- | --- |
 * | 0 | count of buffer ids from word 16 on | driver (up), addon (to 0) | both |
 * | 1 | times the kernel was entered | addon | driver |
 * | 2 | 1: the driver has something to do before the loop sleeps | driver | addon |
 * | 3 | waker: 1 woken, 0 idle | other threads (1), driver (0) | both |
 * | 4 | the constant 1 (an option's value) | driver, once | kernel |
 * | 5 | the constant 0 (an empty path) | nobody | kernel |
 * | 6–7 | struct linger { 1, 0 } | driver, once | kernel |
 * | 8 | times completions had to wait outside the completion ring | addon | driver |
 * | 16… | ids of buffers to give back | driver | addon |
 */
import type { Arena } from '../../memory/index.ts';

const IDS = 16;

export class ControlBlock {
  readonly #words: Int32Array;
  readonly #base: number;

  static bytes(buffers: number): number {
    return (IDS + buffers) * 4;
  }

  constructor(arena: Arena, offset: number) {
    this.#words = arena.words;
    this.#base = offset >>> 2;
    this.#words[this.#base + 4] = 1;
    this.#words[this.#base + 6] = 1;
  }

  get dirty(): number {
    return (this.#base + 2) * 4;
  }
  get waker(): number {
    return (this.#base + 3) * 4;
  }
  get one(): number {
    return (this.#base + 4) * 4;
  }
  get emptyPath(): number {
    return (this.#base + 5) * 4;
  }
  get lingerZero(): number {
    return (this.#base + 6) * 4;
  }
  get systemCalls(): number {
    return this.#words[this.#base + 1]! >>> 0;
  }
  get overflows(): number {
    return this.#words[this.#base + 8]! >>> 0;
  }

  get isDirty(): boolean {
    return this.#words[this.#base + 2] !== 0;
  }
  setDirty(): void {
    this.#words[this.#base + 2] = 1;
  }
  clearDirty(): void {
    this.#words[this.#base + 2] = 0;
  }

  /** At most once per lent buffer, so the list cannot overflow. */
  giveBack(buffer: number): void {
    const count = this.#words[this.#base]!;
    this.#words[this.#base + IDS + count] = buffer;
    this.#words[this.#base] = count + 1;
  }
}
