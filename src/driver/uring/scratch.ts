/**
 * Memory that submission entries point to and that the kernel reads while it takes them
 * (IORING_FEAT_SUBMIT_STABLE, Linux 5.5): vectors, timespecs, socket addresses, paths. Reused as
 * soon as all entries written so far were consumed.
 */
import { assert } from '../../base/index.ts';
import type { Ring } from './ring.ts';

export class Scratch {
  readonly #offset: number;
  readonly #bytes: number;
  #used = 0;

  constructor(offset: number, bytes: number) {
    this.#offset = offset;
    this.#bytes = bytes;
  }

  /** `bytes` of memory, 8-aligned; flushes the ring when it is used up. */
  take(ring: Ring, bytes: number): number {
    const rounded = (bytes + 7) & ~7;
    assert(rounded <= this.#bytes, 'a scratch request fits');
    if (this.#used > 0 && ring.consumed) this.#used = 0;
    for (let attempt = 0; this.#used + rounded > this.#bytes; attempt++) {
      assert(attempt < 1000, 'the kernel consumes submission entries');
      ring.flush();
      if (ring.consumed) this.#used = 0;
    }
    const offset = this.#offset + this.#used;
    this.#used += rounded;
    return offset;
  }
}
