/** Streams written as generators: what an async generator is for promises. */
import { BaseFuture, CoroutineFuture, PENDING } from '../future/index.ts';
import type { Context, Coroutine, Poll, Waker } from '../future/index.ts';
import { BaseStream } from './base.ts';
import { END, type StreamPoll } from './stream.ts';
import { keepWaker } from '../future/keep-waker.ts';

/** Hands an item to the consumer; over when the consumer has come back for the next one. */
class Emit<T> extends BaseFuture<void, never> {
  readonly #stream: ProducedStream<T, unknown>;
  readonly item: T;
  isTaken = false;
  waker: Waker | undefined = undefined;

  constructor(stream: ProducedStream<T, unknown>, item: T) {
    super();
    this.#stream = stream;
    this.item = item;
  }

  poll(context: Context): Poll<void> {
    if (this.isTaken || this.#stream.isCancelled) return undefined;
    if (this.waker === undefined) this.#stream.emits.push(this);
    this.waker = keepWaker(this.waker, context);
    return PENDING;
  }

  cancel(): void {
    this.waker?.drop();
    this.waker = undefined;
    const index = this.#stream.emits.indexOf(this);
    if (index >= 0) this.#stream.emits.splice(index, 1);
  }
}

/** See `produce`. The generator is polled when an item is asked for, and only then. */
class ProducedStream<T, E> extends BaseStream<T, E> {
  /** Those that wait to be taken, in order; more than one only when the generator joins several. */
  readonly emits: Emit<T>[] = [];
  /** What is emitted while the generator cleans up is dropped. */
  isCancelled = false;
  readonly #make: (emit: (item: T) => BaseFuture<void, never>) => Coroutine<void, E>;
  #coroutine: CoroutineFuture<void, E> | undefined = undefined;
  #taken: Emit<T> | undefined = undefined;
  #isOver = false;

  constructor(make: (emit: (item: T) => BaseFuture<void, never>) => Coroutine<void, E>) {
    super();
    this.#make = make;
  }

  pollNext(context: Context): StreamPoll<T> {
    if (this.#isOver) return END;
    this.#resume(context);
    if (this.emits.length === 0) {
      const ended = this.#poll(context);
      if (this.emits.length === 0) {
        if (ended === PENDING) return PENDING;
        this.#isOver = true;
        return END;
      }
    }
    const emit = this.emits.shift() as Emit<T>;
    emit.isTaken = true;
    this.#taken = emit;
    return emit.item;
  }

  override cancel(context: Context): Poll<void> {
    if (this.#isOver) return undefined;
    this.isCancelled = true;
    this.#resume(context);
    try {
      if (this.#coroutine?.cancel(context) === PENDING) return PENDING;
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
    this.#isOver = true;
    return undefined;
  }

  #poll(context: Context): Poll<void> {
    this.#coroutine ??= new CoroutineFuture(this.#make((item) => new Emit<T>(this, item)));
    try {
      return this.#coroutine.poll(context);
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
  }

  /**
   * The consumer has come back: what was taken goes on. Its waker is not woken when it is this
   * poll's, which reaches the generator anyway.
   */
  #resume(context: Context): void {
    const waker = this.#taken?.waker;
    if (this.#taken !== undefined) this.#taken.waker = undefined;
    this.#taken = undefined;
    if (waker?.willWake(context.waker) === false) waker.wake();
    else waker?.drop();
  }
}

/**
 * The stream of what a generator emits. The generator runs while an item is asked for, and stands
 * at its `yield* emit(item)` until the next one is. Its end is the stream's end, what it throws
 * the stream's error; giving the stream up runs its `finally` blocks.
 *
 * @example
 * const lines = produce<string>(function* (emit) {
 *   const file = yield* open(path);
 *   try {
 *     for (let line; (line = yield* file.readLine()) !== undefined; ) yield* emit(line);
 *   } finally {
 *     yield* file.close();
 *   }
 * });
 */
export function produce<T, E = unknown>(
  make: (emit: (item: T) => BaseFuture<void, never>) => Coroutine<void, E>,
): BaseStream<T, E> {
  return new ProducedStream<T, E>(make);
}
