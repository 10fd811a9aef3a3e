/**
 * Bytes of the arena in somebody's hands: received, read from a file, or to be sent.
 *
 * One piece of memory may be held several times: by the program, by a send and by a write to a file
 * at once, each with a chunk of its own. It goes back when the last of them is released. So what
 * was received is sent on without being copied, and `using` may release it while it is still being
 * sent.
 */
import { misuse, outOfRange, RondoError } from '../base/index.ts';
import { sanitizer, type Arena, type Releaser } from '../memory/index.ts';

/** Counts the chunks on one piece of memory. */
class Hold implements Releaser {
  holders = 1;
  readonly #source: Releaser;

  constructor(source: Releaser) {
    this.#source = source;
  }

  release(block: number): void {
    this.holders -= 1;
    if (this.holders === 0) this.#source.release(block);
  }
}

/** See the head of this file. Made by reading and by `Buffers`; `using` releases it. */
export class Chunk implements Disposable {
  /** Where the bytes begin in the arena. */
  readonly offset: number;
  /** How many there are. */
  readonly length: number;
  readonly #arena: Arena;
  readonly #block: number;
  #source: Releaser;
  #released = false;

  /** Bytes at `offset` of memory that `source` takes back as `block`. @internal */
  constructor(arena: Arena, source: Releaser, block: number, offset: number, length: number) {
    this.offset = offset;
    this.length = length;
    this.#arena = arena;
    this.#source = source;
    this.#block = block;
    sanitizer?.lend(arena.memory.buffer, this, {
      offset,
      length,
      what: `chunk of ${length} bytes`,
    });
  }

  /** Whether it was released. */
  get released(): boolean {
    return this.#released;
  }

  /**
   * The bytes in place: shared memory, for use before `release`. To be decoded as text they must be
   * copied first: see `text`.
   * @throws {TypeError} ERR_LEASE_RELEASED
   */
  view(): Uint8Array {
    this.#assertHeld('view');
    const bytes = this.#arena.bytes.subarray(this.offset, this.offset + this.length);
    return sanitizer?.view(this, bytes) ?? bytes;
  }

  /** A private copy of the bytes. @throws {TypeError} ERR_LEASE_RELEASED */
  bytes(): Buffer {
    this.#assertHeld('copy');
    sanitizer?.reading(this);
    const { buffer } = this.#arena.bytes.slice(this.offset, this.offset + this.length);
    return Buffer.from(buffer);
  }

  /**
   * The bytes as text, copied first and decoded then.
   * @throws {TypeError} ERR_LEASE_RELEASED
   * @throws {RondoError} ERR_TEXT_INVALID when `fatal` and they are not UTF-8
   */
  text(options: { readonly fatal?: boolean } = {}): string {
    const copy = this.bytes();
    if (options.fatal !== true) return copy.toString('utf8');
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(copy);
    } catch (cause) {
      throw new RondoError(
        'ERR_TEXT_INVALID',
        `Cannot decode ${this.length} bytes as text: they are not valid UTF-8`,
        { cause },
      );
    }
  }

  /**
   * Another chunk on the bytes from `start` to `end` (excluded), which is released by itself.
   * @throws {TypeError} ERR_LEASE_RELEASED
   * @throws {RangeError} ERR_OPTION_RANGE when they are not inside of this one
   */
  slice(start: number = 0, end: number = this.length): Chunk {
    this.#assertHeld('share');
    if (!(Number.isInteger(start) && Number.isInteger(end))) throw this.#outside(start, end);
    if (start < 0 || end < start || end > this.length) throw this.#outside(start, end);
    let hold = this.#source;
    if (hold instanceof Hold) hold.holders += 1;
    else {
      hold = this.#source = new Hold(hold);
      (hold as Hold).holders = 2;
    }
    return new Chunk(this.#arena, hold, this.#block, this.offset + start, end - start);
  }

  /** Another chunk on the same bytes. @throws {TypeError} ERR_LEASE_RELEASED */
  share(): Chunk {
    return this.slice(0, this.length);
  }

  /** Gives it back. @throws {TypeError} ERR_LEASE_RELEASED when it was released before */
  release(): void {
    this.#assertHeld('release');
    this.#released = true;
    sanitizer?.end(this, 'the chunk was released');
    this.#source.release(this.#block);
  }

  /** Releases it unless that was done. */
  [Symbol.dispose](): void {
    if (!this.#released) this.release();
  }

  #assertHeld(action: string): void {
    if (!this.#released) return;
    throw misuse(
      'ERR_LEASE_RELEASED',
      `Cannot ${action} the chunk of ${this.length} bytes at ${this.offset}: it was released`,
    );
  }

  #outside(start: number, end: number): RangeError {
    return outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot slice a chunk of ${this.length} bytes from ${start} to ${end}: that is outside of it`,
    );
  }
}
