/**
 * The memory of a reactor for what is sent, written and read from files: blocks of one region, made
 * when it is first needed.
 *
 * Who finds none waits. A release wakes the longest waiting; one that got what it needed, or gave
 * up, passes the word on (`nudge`), so nobody waits while there is memory for the one in front.
 */
import { outOfRange, RondoError } from '../base/index.ts';
import { Blocks, sanitizer, type Arena, type Releaser } from '../memory/index.ts';
import { PENDING, type Context, type Poll } from '../task/index.ts';
import { Chunk } from './chunk.ts';
import { Waiter } from './waiter.ts';

/** The smallest block: a write of less takes that much while it is under way. */
const BLOCK_BYTES_MIN = 512;

/** Whoever waits for memory. */
export interface MemoryWaiter {
  /** There is some: try again, and come back if it is too little. Called once per `await`. */
  memoryFreed(): void;
}

/** See the head of this file. */
export class Buffers implements Releaser {
  /** Bytes of the region. */
  readonly size: number;
  readonly #arena: Arena;
  readonly #owner: string;
  readonly #waiters = new Set<MemoryWaiter>();
  readonly #shortage: () => void;
  /** Blocks that came back so far. */
  releases = 0;
  #blocks: Blocks | undefined;
  #closed = false;

  /** `shortage` is called whenever somebody begins to wait. */
  constructor(arena: Arena, owner: string, size: number, shortage: () => void) {
    this.#arena = arena;
    this.#owner = owner;
    this.size = size;
    this.#shortage = shortage;
  }

  /** Bytes that are in use. */
  get held(): number {
    return this.#blocks?.held ?? 0;
  }

  /** Whether most of it is in use. */
  get isPressed(): boolean {
    return this.held > this.size * 0.75;
  }

  /** Bytes of the largest block. */
  get maxBlock(): number {
    return this.#region().maxBlock;
  }

  /**
   * A block of at least `size` bytes: its offset, or 0 when there is none now. It is aligned to its
   * size, a power of two, up to 64 KiB.
   */
  take(size: number): number {
    return this.#region().acquire(size);
  }

  /** Gives a block back. */
  release(block: number): void {
    const blocks = this.#blocks!;
    blocks.release(block);
    this.releases += 1;
    if (this.#waiters.size > 0) this.nudge();
    if (this.#closed && blocks.held === 0) this.#destroy();
  }

  /** Memory for `size` bytes, with whatever is in it; undefined when there is none now. */
  acquire(size: number): Chunk | undefined {
    const block = this.take(size);
    if (block === 0) return undefined;
    const chunk = new Chunk(this.#arena, this, block, block, size);
    sanitizer?.fresh(chunk);
    return chunk;
  }

  /** The same, waiting until there is some. @throws {RangeError} ERR_OPTION_RANGE */
  wait(size: number): AcquireMemory {
    if (!Number.isInteger(size) || size < 1 || size > this.maxBlock) {
      throw outOfRange(
        'ERR_OPTION_RANGE',
        `Cannot allocate ${size} bytes: it must be an integer from 1 to ${this.maxBlock}`,
      );
    }
    return new AcquireMemory(this, size);
  }

  /** Tells a waiter when it should try again. Whoever is waiting already keeps the place. */
  await(waiter: MemoryWaiter): void {
    this.#waiters.add(waiter);
    this.#shortage();
  }

  /** Whether somebody waits. */
  get isAwaited(): boolean {
    return this.#waiters.size > 0;
  }

  /** Does not wait any more. */
  forget(waiter: MemoryWaiter): void {
    if (!this.#waiters.delete(waiter)) this.nudge();
  }

  /** Lets the longest waiting try. */
  nudge(): void {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      waiter.memoryFreed();
      return;
    }
  }

  /** Gives the region back when its last block is. */
  close(): void {
    this.#closed = true;
    if (this.#blocks?.held === 0) this.#destroy();
  }

  #region(): Blocks {
    if (this.#blocks !== undefined) return this.#blocks;
    if (this.#closed)
      throw new RondoError('ERR_DRIVER_CLOSED', 'Cannot use memory of a closed reactor');
    this.#blocks = Blocks.create(this.#arena, {
      name: 'buffers',
      owner: this.#owner,
      size: this.size,
      minBlock: BLOCK_BYTES_MIN,
    });
    return this.#blocks;
  }

  #destroy(): void {
    this.#blocks?.destroy();
    this.#blocks = undefined;
  }
}

/** Waits for memory; the chunk is the caller's. */
export class AcquireMemory extends Waiter<Chunk, never> implements MemoryWaiter {
  readonly #buffers: Buffers;
  readonly #size: number;
  #waited = false;

  /** @internal */
  constructor(buffers: Buffers, size: number) {
    super();
    this.#buffers = buffers;
    this.#size = size;
  }

  poll(context: Context): Poll<Chunk> {
    const chunk = this.#buffers.acquire(this.#size);
    if (chunk !== undefined && !context.proceed()) {
      chunk.release();
      return PENDING;
    }
    if (chunk === undefined) {
      this.keep(context);
      this.#waited = true;
      this.#buffers.await(this);
      return PENDING;
    }
    this.leave();
    if (this.#waited) this.#buffers.forget(this);
    return chunk;
  }

  cancel(): void {
    this.leave();
    if (this.#waited) this.#buffers.forget(this);
    this.#waited = false;
  }

  memoryFreed(): void {
    this.waker?.wakeByRef();
  }

  takeBack(chunk: Chunk): undefined {
    chunk.release();
  }
}
