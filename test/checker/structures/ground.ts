/**
 * What production classes need to run on the memory of a checked test: an arena whose allocations
 * are the same in each run, and nothing native. Each thread has an arena of its own, as in
 * production.
 */
import { nativeStatus } from '../../../src/native/index.ts';
import type { TestContext } from '../../../src/checker/check/index.ts';
import type { Arena, Region } from '../../../src/memory/index.ts';

// The addon would sleep in the kernel, where no checker sees it: without it, `Atomics.wait` is
// used. The answer is kept for the life of the thread.
const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
Object.defineProperty(process, 'platform', { ...platform, value: 'none' });
nativeStatus();
Object.defineProperty(process, 'platform', platform);

/** Bytes that each thread may allocate, and the set-up, unless a test needs more. */
const SHARE = 4096;

/** The memory of one test. */
export class Ground {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly bytes: number;
  readonly #regions = new Map<number, Region>();
  readonly #share: number;
  #arenas = 0;

  /** `bytes` are for the test's own use, from 0 on; what is allocated lies behind. */
  constructor(context: TestContext, bytes: number, arenas: number = 4, share: number = SHARE) {
    this.#share = share;
    this.bytes = Math.ceil(bytes / SHARE) * SHARE;
    this.buffer = context.shared(this.bytes + arenas * share, 'arena');
    this.words = new Int32Array(this.buffer);
  }

  /** The next arena: call it in the set-up, once for each thread. */
  arena(): Arena {
    const { buffer } = this;
    let next = this.bytes + this.#arenas * this.#share;
    this.#arenas += 1;
    const end = next + this.#share;
    const allocate = (
      name: string,
      size: number,
      { kind = 'plain', alignment = 128 }: { kind?: string; alignment?: number } = {},
    ): Region => {
      const offset = Math.ceil(next / alignment) * alignment;
      if (offset + size > end) throw new Error(`no room for ${name}`);
      next = offset + size;
      const region = { offset, size, kind, name, used: 0, release: () => undefined };
      this.#regions.set(offset, region as unknown as Region);
      return region as unknown as Region;
    };
    const arena = {
      memory: { buffer },
      words: this.words,
      unsigned: new Uint32Array(buffer),
      halves: new Uint16Array(buffer),
      bytes: new Uint8Array(buffer),
      doubles: new Float64Array(buffer),
      size: buffer.byteLength,
      debug: false,
      allocate,
      regionAt: (offset: number) => this.#regions.get(offset)!,
      setPageReleaser: () => undefined,
    };
    return arena as unknown as Arena;
  }

  /** One for code that clears what it has allocated, which takes longer than a run: it is zero. */
  cleanArena(): Arena {
    const arena = this.arena();
    const bytes: unknown = Object.create(arena.bytes, { fill: { value: () => undefined } });
    return Object.assign(arena, { bytes: bytes as Uint8Array });
  }
}

type Wait = typeof Atomics.wait;

/**
 * Runs `body` with sleeps that end only when somebody wakes them: production sleeps in slices,
 * after which it looks again, so that a lost wake would only be slow. So it is a deadlock.
 */
export function patiently<T>(body: () => T): T {
  const holder = globalThis as unknown as { Atomics: { wait: Wait } };
  const atomics = holder.Atomics;
  const wait = atomics.wait as (words: Int32Array, index: number, value: number) => unknown;
  holder.Atomics = {
    ...atomics,
    wait: ((words: Int32Array, index: number, value: number) => wait(words, index, value)) as Wait,
  };
  try {
    return body();
  } finally {
    holder.Atomics = atomics;
  }
}

/** Fails the execution. */
export function assure(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}
