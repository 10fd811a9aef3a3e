/** Futures of the sending half. See `outbox.ts`. */
import { Errno, type RondoError, type SystemError } from '../base/index.ts';
import type { Driver, Handle, OperationId } from '../driver/index.ts';
import { Chunk, Operation, Waiter, type Reactor } from '../runtime/index.ts';
import { PENDING, type Context, type Poll } from '../task/index.ts';
import { failure } from './errors.ts';
import type { Outbox } from './outbox.ts';

/** What writing may throw. */
export type WriteError = SystemError | RondoError;

/** Stands in the queue of an outbox until it has written what it came for. */
abstract class Writer<T> extends Waiter<T, WriteError> {
  protected readonly outbox: Outbox;

  constructor(outbox: Outbox) {
    super();
    this.outbox = outbox;
  }

  /** Goes on; false when there is no room. */
  protected abstract advance(): boolean;
  /** What it is ready with. */
  protected abstract result(): T;

  poll(context: Context): Poll<T> {
    const { outbox } = this;
    const { refusal } = outbox;
    if (refusal !== undefined) {
      this.cancel();
      throw refusal;
    }
    const { queue } = outbox;
    const first = this.queue === undefined ? queue.first === undefined : queue.first === this;
    // Budget is for what there is room for: waiting costs none.
    if (first && outbox.isReady && !context.proceed()) return PENDING;
    if (this.queue === undefined && queue.first !== undefined) queue.push(this);
    if (this.queue === undefined || queue.first === this) {
      if (this.#advanced()) {
        this.cancel();
        return this.result();
      }
      // It may have failed in the attempt.
      if (outbox.refusal !== undefined) return this.poll(context);
      if (this.queue === undefined) queue.push(this);
    }
    this.keep(context);
    return PENDING;
  }

  /** A chunk that was released throws: nobody waits behind it. */
  #advanced(): boolean {
    try {
      return this.advance();
    } catch (error) {
      this.cancel();
      throw error;
    }
  }

  /** What was accepted is sent; nothing more is. */
  cancel(): void {
    const wasFirst = this.queue !== undefined && this.outbox.queue.first === this;
    this.leave();
    if (!wasFirst) return;
    // It is the first that waits for memory, never another.
    this.outbox.memoryDone();
    this.outbox.queue.wakeFirst();
  }
}

/** Accepts as much as there is room for, at least one byte. */
export class WriteSome extends Writer<number> {
  readonly #bytes: Uint8Array;
  #count = 0;

  constructor(outbox: Outbox, bytes: Uint8Array) {
    super(outbox);
    this.#bytes = bytes;
  }

  protected advance(): boolean {
    if (this.#bytes.length === 0) return true;
    this.#count = this.outbox.pushCopy(this.#bytes, 0);
    return this.#count > 0;
  }

  protected result(): number {
    return this.#count;
  }
}

/** Accepts everything. */
export class WriteAll extends Writer<void> {
  readonly #parts: readonly (Uint8Array | Chunk)[];
  /** The chunk that will be sent next: shared, so that the caller may release its own. */
  #shared: Chunk | undefined;
  #part = 0;
  #start = 0;

  constructor(outbox: Outbox, parts: readonly (Uint8Array | Chunk)[]) {
    super(outbox);
    this.#parts = parts;
  }

  protected advance(): boolean {
    while (this.#part < this.#parts.length) {
      const part = this.#parts[this.#part]!;
      if (part.length > 0 && !(part instanceof Chunk ? this.#push(part) : this.#copy(part))) {
        return false;
      }
      this.#part += 1;
      this.#start = 0;
    }
    return true;
  }

  #push(chunk: Chunk): boolean {
    const { outbox } = this;
    if (outbox.room <= 0) return false;
    this.#shared ??= chunk.share();
    if (!outbox.push(this.#shared)) return false;
    this.#shared = undefined;
    return true;
  }

  #copy(bytes: Uint8Array): boolean {
    while (this.#start < bytes.length) {
      const count = this.outbox.pushCopy(bytes, this.#start);
      if (count === 0) return false;
      this.#start += count;
    }
    return true;
  }

  protected result(): void {
    // Nothing to tell.
  }

  override cancel(): void {
    this.#shared?.release();
    this.#shared = undefined;
    super.cancel();
  }
}

/** Waits until everything that was accepted before its first poll has left. */
export class Flush extends Waiter<void, WriteError> {
  readonly #outbox: Outbox;
  #target = -1;

  constructor(outbox: Outbox) {
    super();
    this.#outbox = outbox;
  }

  poll(context: Context): Poll<void> {
    const { accepted, completed, failure, flushing } = this.#outbox;
    if (this.#target === -1) this.#target = accepted;
    if (failure !== undefined || completed >= this.#target) {
      this.cancel();
      if (failure !== undefined) throw failure;
      return undefined;
    }
    if (this.queue === undefined) flushing.push(this);
    this.keep(context);
    return PENDING;
  }

  cancel(): void {
    const wasQueued = this.queue !== undefined;
    this.leave();
    if (wasQueued) this.#outbox.flushing.wakeFirst();
  }
}

/** Ends the sending side after what was accepted. */
class ShutdownOperation extends Operation<void, WriteError> {
  readonly #handle: Handle;

  constructor(reactor: Reactor, handle: Handle) {
    super(reactor);
    this.#handle = handle;
  }

  protected submit(driver: Driver, token: number): OperationId {
    return driver.shutdown(this.#handle, token);
  }

  protected finish(result: number): void {
    // The peer has gone: its side of the stream tells how.
    if (result < 0 && result !== -Errno.ENOTCONN) throw failure('shutdown', result);
  }
}

/** Takes its turn behind the writers, then lets nothing follow. */
export class Shutdown extends Writer<void> {
  readonly #operation: ShutdownOperation;
  #begun = false;

  constructor(outbox: Outbox, handle: Handle) {
    super(outbox);
    this.#operation = new ShutdownOperation(outbox.reactor, handle);
  }

  override poll(context: Context): Poll<void> {
    if (!this.#begun) {
      if (this.outbox.isEnded) return undefined;
      if (super.poll(context) === PENDING) return PENDING;
      this.#begun = true;
      this.outbox.end();
    }
    return this.#operation.poll(context);
  }

  override cancel(context?: Context): Poll<void> {
    if (!this.#begun || context === undefined) return super.cancel();
    return this.#operation.cancel(context);
  }

  protected advance(): boolean {
    return true;
  }

  protected result(): void {
    // The operation has it.
  }
}
