/** Streams for consumers that wait with promises: async iterators and web streams. */
import { BaseFuture, PENDING, type Context, type Poll, type Waker } from '../future/index.ts';
import { END, type Stream } from './stream.ts';
import { keepWaker } from '../future/keep-waker.ts';

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

/** Wakes nobody: for a poll that a task repeats when there is something to wait for. */
const NOBODY: Waker = {
  wake: () => undefined,
  wakeByRef: () => undefined,
  clone: () => NOBODY,
  drop: () => undefined,
  willWake: (other) => other === NOBODY,
};

/** Budget of such a poll. */
const GLANCE_BUDGET = 128;
/** Items in a row without a task: it is the executor that is fair to the event loop. */
const GLANCES = 64;

class Glance implements Context {
  readonly waker: Waker = NOBODY;
  left = 0;

  proceed(): boolean {
    this.left -= 1;
    return this.left >= 0;
  }
}

const glance = new Glance();

type Item<T> = IteratorResult<T, undefined>;

/** The task of one item. */
class Pull<T> extends BaseFuture<Item<T>> {
  readonly #puller: Puller<T>;
  #isOver = false;

  constructor(puller: Puller<T>) {
    super();
    this.#puller = puller;
  }

  poll(context: Context): Poll<Item<T>> {
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
 * Pulls the items of a stream, one at a time and in the order of the calls. An item that is there
 * already is given at once; what must be waited for is a task's. `close` ends the pull that is
 * under way, too.
 */
class Puller<T> {
  readonly #stream: Stream<T>;
  /** Tasks that run or wait for the one before. */
  #pulls = 0;
  /** What may still be taken without a task. */
  #glances = GLANCES;
  #last: Promise<Item<T>> | undefined = undefined;
  /** Of the task that waits. */
  #waker: Waker | undefined = undefined;
  #isOver = false;
  #closed: Promise<void> | undefined = undefined;

  constructor(stream: Stream<T>) {
    this.#stream = stream;
  }

  /** The next item, or the end. */
  next(): Promise<Item<T>> {
    if (this.#pulls === 0 && this.#glances > 0) {
      this.#glances -= 1;
      glance.left = GLANCE_BUDGET;
      try {
        const item = this.#take(glance);
        if (item !== PENDING) return Promise.resolve(item);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    const start = (): Promise<Item<T>> =>
      new Promise((resolve, reject) => void new Pull(this).then(resolve, reject));
    this.#last =
      this.#pulls === 0 || this.#last === undefined ? start() : this.#last.then(start, start);
    this.#pulls += 1;
    this.#glances = GLANCES;
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

  /** The poll of a pull. */
  pollNext(context: Context): Poll<Item<T>> {
    const item = this.#take(context);
    if (item !== PENDING) return item;
    this.#waker = keepWaker(this.#waker, context);
    return PENDING;
  }

  /** A pull is over, or was given up. */
  ended(): void {
    this.#pulls -= 1;
    this.#waker?.drop();
    this.#waker = undefined;
  }

  #take(context: Context): Poll<Item<T>> {
    if (this.#isOver) return { done: true, value: undefined };
    try {
      const item = this.#stream.pollNext(context);
      if (item === PENDING) return PENDING;
      if (item !== END) return { done: false, value: item };
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
    this.#isOver = true;
    return { done: true, value: undefined };
  }
}

/** What `for await` uses. */
export class StreamIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #puller: Puller<T>;

  constructor(stream: Stream<T>) {
    this.#puller = new Puller(stream);
  }

  next(): Promise<Item<T>> {
    return this.#puller.next();
  }

  /** Gives the stream up, also while `next` waits: that ends, too. */
  async return(): Promise<Item<T>> {
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
  const puller = new Puller<T>(stream);
  let isCancelled = false;
  return new ReadableStream<T>(
    {
      async pull(controller) {
        const { done, value } = await puller.next();
        if (isCancelled) return;
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel() {
        isCancelled = true;
        return puller.close();
      },
    },
    { highWaterMark },
  );
}
