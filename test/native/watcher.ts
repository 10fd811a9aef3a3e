// A thread's futex watch, for the tests: the backends there are, and the batches that come.
import type { Arena } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';

const SLOTS = 256;

/** The backends by the name that tests print. */
export const BACKENDS: readonly (readonly [string, number])[] = [
  ['io_uring', 1],
  ['threads', 2],
];

/** A watch and what its callbacks brought. */
export class Watcher {
  readonly handle: number;
  /** What a callback does beside taking note of the slots. */
  also: (slots: readonly number[]) => void = () => undefined;
  readonly #arena: Arena;
  readonly #region;
  #fired: number[] = [];
  #resolve: ((slots: number[]) => void) | undefined;

  /** @throws {Error} with the negative errno when the backend cannot be used */
  constructor(arena: Arena, backend: number) {
    this.#arena = arena;
    this.#region = arena.allocate('watch', SLOTS * 4 + 4);
    const { offset } = this.#region;
    const callback = (count: number): void => this.#take(count);
    this.handle = loadNative().futexWatchAttach(backend, offset, offset + SLOTS * 4, callback);
    if (this.handle >= 0) return;
    this.#region.release();
    throw new Error(`futexWatchAttach: ${this.handle}`);
  }

  /** Arms a slot. */
  arm(slot: number, offset: number, expected: number): void {
    const result = loadNative().futexWatchArm(slot, offset, expected);
    if (result !== 0) throw new Error(`futexWatchArm: ${result}`);
  }

  /** The slots that fired since the last call, at least one. The event loop sleeps until then. */
  async next(): Promise<readonly number[]> {
    loadNative().loopReference(this.handle, true);
    while (this.#fired.length === 0) {
      await new Promise<number[]>((resolve) => (this.#resolve = resolve));
    }
    loadNative().loopReference(this.handle, false);
    return this.taken();
  }

  /** The slots that fired since the last call. */
  taken(): readonly number[] {
    return this.#fired.splice(0);
  }

  close(): void {
    loadNative().loopDetach(this.handle);
    this.#region.release();
  }

  #take(count: number): void {
    const first = this.#region.offset >>> 2;
    const slots = [...this.#arena.unsigned.slice(first, first + count)];
    this.#fired.push(...slots);
    this.also(slots);
    this.#resolve?.(slots);
  }
}

/** Why the backend cannot be used here, or false. */
export function skipped(arena: Arena, backend: number): string | false {
  loadNative().attachArena(arena.bytes);
  try {
    new Watcher(arena, backend).close();
    return false;
  } catch (error) {
    return String(error);
  }
}

/** Lets the event loop go round: what was armed before is waited for afterwards. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Goes round until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turns(1);
}
