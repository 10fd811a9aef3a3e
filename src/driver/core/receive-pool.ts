/**
 * The shared pool of receive buffers: who holds which. A buffer is either the driver's (free, or in
 * the kernel) or the caller's (between a completion with `BUFFER` and `release`).
 */
import { assert } from '../../base/index.ts';
import type { Arena, Region } from '../../memory/index.ts';

/** A socket address fits. */
const SCRATCH_BYTES = 128;

export class ReceivePool {
  readonly region: Region;
  readonly count: number;
  readonly bufferSize: number;
  readonly #held: Uint8Array;
  #heldCount = 0;
  #ended = false;

  constructor(arena: Arena, owner: string, count: number, bufferSize: number) {
    this.count = count;
    this.bufferSize = bufferSize;
    this.region = arena.allocate('receive buffers', count * bufferSize + SCRATCH_BYTES, {
      owner,
      alignment: 4096,
    });
    this.#held = new Uint8Array(count);
  }

  get held(): number {
    return this.#heldCount;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Gives the memory up, whoever holds buffers of it. */
  end(): void {
    this.#ended = true;
    this.#held.fill(0);
    this.#heldCount = 0;
    this.region.release();
  }

  /** SCRATCH_BYTES for whoever needs them for the length of one call. */
  get scratch(): number {
    return this.region.offset + this.count * this.bufferSize;
  }

  /** Arena offset of a buffer. */
  offset(buffer: number): number {
    return this.region.offset + buffer * this.bufferSize;
  }

  /** The buffer goes to the caller. */
  lend(buffer: number): void {
    assert(this.#held[buffer] === 0, 'a receive buffer is lent once');
    this.#held[buffer] = 1;
    this.#heldCount += 1;
  }

  /** The buffer that the offset lies in comes back. Returns its number. */
  takeBack(offset: number): number {
    const buffer = Math.floor((offset - this.region.offset) / this.bufferSize);
    assert(
      offset >= this.region.offset && buffer < this.count && this.#held[buffer] === 1,
      'a receive buffer is released once, by the one who holds it',
    );
    this.#held[buffer] = 0;
    this.#heldCount -= 1;
    return buffer;
  }
}
