/** Streams for consumers that wait with promises: async iterators and web streams. */
import { BaseFuture, PENDING, type Context, type Poll, type Waker } from '../future/index.ts';
import { END, type Stream } from './stream.ts';

/** Gives a stream up. */
export class GiveUp<E> extends BaseFuture<void, E> {
  readonly #stream: Stream<unknown, E>;

  constructor(stream: Stream<unknown, E>) {
    super();
    this.#stream = stream;
  }

  poll(context: Context): Poll<void> {
    return this.#stream.cancel?.(context);
  }

  /** Half given up is not a state that a stream can be left in. */
  cancel(context: Context): Poll<void> {
    return this.#stream.cancel?.(context);
  }
}

/** The next item in the form that the consumer wants it. */
class Pull<T, R> extends BaseFuture<R> {
  readonly #puller: Puller<T, R>;
  #isOver = false;

  constructor(puller: Puller<T, R>) {
    super();
    this.#puller = puller;
  }

  poll(context: Context): Poll<R> {
    try {
      const result = this.#puller.pollNext(context);
      if (result !== PENDING) this.cancel();
      return result;
    } catch (error) {
      this.cancel();
      throw error;
    }
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#puller.ended();
  }
}

/**
 * Pulls the items of a stream: one task for each item that is asked for, one item at a time in the
 * order of the calls. `close` ends the pull that is under way, too.
 */
export class Puller<T, R> {
  readonly #stream: Stream<T>;
  readonly #wrap: (item: T | typeof END) => R;
  /** Pulls that run or wait for the one before. */
  #pulls = 0;
  #last: Promise<R> | undefined = undefined;
  #waker: Waker | undefined = undefined;
  #isOver = false;
  #closed: Promise<void> | undefined = undefined;

  constructor(stream: Stream<T>, wrap: (item: T | typeof END) => R) {
    this.#stream = stream;
    this.#wrap = wrap;
  }

  /** The next item, or what stands for the end. */
  next(): Promise<R> {
    const start = (): Promise<R> =>
      new Promise((resolve, reject) => void new Pull(this).then(resolve, reject));
    this.#last =
      this.#pulls === 0 || this.#last === undefined ? start() : this.#last.then(start, start);
    this.#pulls += 1;
    return this.#last;
  }

  /** Gives the stream up; what is pulled now and later is the end. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const waker = this.#waker;
    this.#waker = undefined;
    waker?.wake();
    while (this.#pulls > 0) await this.#last?.catch(() => undefined);
    await new GiveUp(this.#stream);
  }

  /** @internal The poll of a pull. */
  pollNext(context: Context): Poll<R> {
    if (this.#isOver) return this.#wrap(END);
    try {
      const item = this.#stream.pollNext(context);
      if (item === END) this.#isOver = true;
      if (item !== PENDING) return this.#wrap(item);
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
    if (this.#waker === undefined || !this.#waker.willWake(context.waker)) {
      this.#waker?.drop();
      this.#waker = context.waker.clone();
    }
    return PENDING;
  }

  /** @internal A pull is over, or was given up. */
  ended(): void {
    this.#pulls -= 1;
    this.#waker?.drop();
    this.#waker = undefined;
  }
}

/** What `for await` uses. */
export class StreamIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #puller: Puller<T, IteratorResult<T, undefined>>;

  constructor(stream: Stream<T>) {
    this.#puller = new Puller(stream, (item) =>
      item === END ? { done: true, value: undefined } : { done: false, value: item },
    );
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#puller.next();
  }

  /** Gives the stream up, also while `next` waits: that ends, too. */
  async return(): Promise<IteratorResult<T, undefined>> {
    await this.#puller.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Options of `BaseStream.toReadableStream`. */
export interface ReadableStreamOptions {
  /**
   * How many items are asked for ahead of the reader.
   * @default 0
   */
  readonly highWaterMark?: number;
}

/** See `BaseStream.toReadableStream`. */
export function toReadableStream<T>(
  stream: Stream<T>,
  { highWaterMark = 0 }: ReadableStreamOptions,
): ReadableStream<T> {
  const puller = new Puller<T, T | typeof END>(stream, (item) => item);
  let isCancelled = false;
  return new ReadableStream<T>(
    {
      async pull(controller) {
        const item = await puller.next();
        if (isCancelled) return;
        if (item === END) controller.close();
        else controller.enqueue(item);
      },
      cancel() {
        isCancelled = true;
        return puller.close();
      },
    },
    { highWaterMark },
  );
}
