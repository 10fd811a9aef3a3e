/**
 * What a user holds of the arena: some bytes, until they are released.
 *
 * The lease checks itself: any use after `release` throws, in production too, because the check is
 * one private boolean. A view that was taken before and kept is beyond its reach: it shows whatever
 * the next holder writes; under the arena's debug option it shows the poison first. Under the
 * sanitizer (`sanitizer/`) using it throws.
 */
import { sanitizer } from '#sanitizer';
import { misuse } from '../base/index.ts';
import type { Arena } from './arena.ts';
import { POISON } from './layout.ts';
import { copyText } from './text.ts';

/** Who takes memory back: a slab, blocks, or the receive buffers of a driver. */
export interface Releaser {
  /** `offset` is where the memory was handed out. */
  release(offset: number): void;
}

/** How a lease decodes text. */
export interface TextOptions {
  /** Refuse what is not UTF-8 instead of putting U+FFFD in its place. @default false */
  readonly fatal?: boolean;
}

/** Bytes of the arena in a user's hands. `using` releases it at the end of a block. */
export class Lease {
  /** Where the bytes begin in the arena. */
  readonly offset: number;
  /** How many there are. */
  readonly length: number;
  readonly #arena: Arena;
  readonly #releaser: Releaser;
  readonly #block: number;
  #released = false;

  /**
   * A lease on `length` bytes at `offset`. `block` is what the releaser is given at the end, when
   * the bytes do not begin where the memory was handed out. @default block `offset`
   */
  constructor(
    arena: Arena,
    releaser: Releaser,
    offset: number,
    length: number,
    block: number = offset,
  ) {
    this.#arena = arena;
    this.#releaser = releaser;
    this.#block = block;
    this.offset = offset;
    this.length = length;
    sanitizer?.lend(arena.memory.buffer, this, {
      offset,
      length,
      what: `lease on ${length} bytes`,
      exclusive: true,
      isFresh: true,
    });
  }

  /** Whether it was released. */
  get released(): boolean {
    return this.#released;
  }

  /**
   * The bytes in place: shared memory, to be used before `release` and not decoded as text (see
   * `text`). Makes an object; hot code uses `arena.bytes` and offsets instead.
   * @throws {TypeError} ERR_LEASE_RELEASED
   */
  view(): Uint8Array {
    this.#assertHeld('view');
    const bytes = this.#arena.bytes.subarray(this.offset, this.offset + this.length);
    return sanitizer?.view(this, bytes) ?? bytes;
  }

  /** A private copy of the bytes. @throws {TypeError} ERR_LEASE_RELEASED */
  bytes(): Uint8Array {
    this.#assertHeld('copy');
    sanitizer?.reading(this);
    return this.#arena.bytes.slice(this.offset, this.offset + this.length);
  }

  /**
   * The bytes as text, copied first and decoded then.
   * @throws {TypeError} ERR_LEASE_RELEASED
   * @throws {RondoError} ERR_TEXT_INVALID when `fatal` and they are not UTF-8
   */
  text(options: TextOptions = {}): string {
    this.#assertHeld('decode');
    sanitizer?.reading(this);
    return copyText(this.#arena.bytes, this.offset, this.length, options.fatal === true);
  }

  /** Gives the memory back. @throws {TypeError} ERR_LEASE_RELEASED when it was released before */
  release(): void {
    this.#assertHeld('release');
    this.#released = true;
    sanitizer?.end(this, 'the lease was released');
    if (this.#arena.debug) {
      this.#arena.bytes.fill(POISON, this.offset, this.offset + this.length);
    }
    this.#releaser.release(this.#block);
  }

  /** Releases it unless that was done. */
  [Symbol.dispose](): void {
    if (!this.#released) this.release();
  }

  #assertHeld(action: string): void {
    if (!this.#released) return;
    throw misuse(
      'ERR_LEASE_RELEASED',
      `Cannot ${action} the lease on ${this.length} bytes at ${this.offset}: it was released`,
    );
  }
}
