/** Memories of a test, which each set-up of it takes again. */
import { assert } from '../../base/index.ts';
import { register } from './known.ts';
import { Memory } from './memory.ts';
import type { Session } from './session.ts';

/** Memories of one thread; those of the test itself have lower numbers. */
const OWN_MAX = 1024;

/** See the head of this file. */
export class Memories {
  readonly #session: Session;
  readonly #byDepth: Memory[][] = [];
  /** How many runs stand still meanwhile: each has its own. */
  depth = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** One that the test makes, or made the last time: all 0. */
  take(index: number, bytes: number, name: string): Memory {
    const pool = (this.#byDepth[this.depth] ??= []);
    const known = pool[index];
    if (known !== undefined && known.byteLength === bytes && known.name === name) {
      known.clear();
      return known;
    }
    const memory = new Memory(this.#session, index, bytes, name);
    pool[index] = memory;
    register(memory);
    return memory;
  }

  /** One that a thread makes for itself; `count` is how many it has with this one. */
  takeOwn(thread: number, count: number, bytes: number): Memory {
    assert(count <= OWN_MAX, 'a thread makes few memories');
    const index = OWN_MAX * (thread + 1) + count - 1;
    return this.take(index, bytes, `memory ${count} of thread ${thread}`);
  }

  /** The one with that number in the set-up that was made last. */
  at(index: number): Memory | undefined {
    return this.#byDepth[0]?.[index];
  }
}
