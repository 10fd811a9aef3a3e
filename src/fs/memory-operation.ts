/**
 * Operations with memory of their own: it is taken before they are submitted (waiting for it, first
 * come first served), and it is the kernel's until the final completion, whoever has given up.
 */
import { Operation, type MemoryWaiter, type Reactor } from '../runtime/index.ts';
import { keepWaker, PENDING, type Context, type Poll, type Waker } from '../task/index.ts';
import type { FileError } from './errors.ts';

/** See the head of this file. */
export abstract class MemoryOperation<T> extends Operation<T, FileError> implements MemoryWaiter {
  /** Where its memory is; 0 while it has none. Who hands it on sets it to 0. */
  protected block = 0;
  /** Bytes that it needs. */
  protected readonly size: number;
  /** Handed to the driver at least once: whoever polls several needs not poll this one again. */
  isSubmitted = false;
  #hasTaken = false;
  #isWaiting = false;
  #isGivenUp = false;
  #memoryWaker: Waker | undefined = undefined;

  constructor(reactor: Reactor, size: number) {
    super(reactor);
    this.size = size;
  }

  /** Whether it waits for memory. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  override poll(context: Context): Poll<T> {
    if (!this.#hasTaken && !this.#take(context)) return PENDING;
    return super.poll(context);
  }

  override cancel(context: Context): Poll<void> {
    this.#isGivenUp = true;
    if (this.#isWaiting) this.#endWaiting();
    const over = super.cancel(context);
    if (over !== PENDING) this.giveBack();
    return over;
  }

  memoryFreed(): void {
    this.#memoryWaker?.wakeByRef();
  }

  protected override released(): void {
    if (this.#isGivenUp || !this.isSubmitted) this.giveBack();
  }

  /** Gives the memory back, if it is still here. */
  protected giveBack(): void {
    const { block } = this;
    if (block === 0) return;
    this.block = 0;
    this.reactor.buffers.release(block);
  }

  #take(context: Context): boolean {
    const { buffers } = this.reactor;
    const block = buffers.take(this.size);
    if (block === 0) {
      this.#memoryWaker = keepWaker(this.#memoryWaker, context);
      this.#isWaiting = true;
      buffers.await(this);
      return false;
    }
    if (this.#isWaiting) this.#endWaiting();
    this.#hasTaken = true;
    this.block = block;
    return true;
  }

  #endWaiting(): void {
    this.#isWaiting = false;
    this.#memoryWaker?.drop();
    this.#memoryWaker = undefined;
    // Somebody else may find enough in what was too little for this one.
    this.reactor.buffers.forget(this);
  }
}
