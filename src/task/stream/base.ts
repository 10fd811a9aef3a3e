/** What makes a stream pleasant: items by `yield*` and `for await`, and the combinators. */
import { integerOption, type RondoError } from '../../base/index.ts';
import { BaseFuture, type Awaitable, type Context } from '../future/index.ts';
import type { Coroutine, Future, Poll } from '../future/index.ts';
import { checkMs } from '../time/options.ts';
import type { ReadableStreamOptions } from './outside.ts';
import type { Parts } from './parts.ts';
import type { ForwardOptions, SinkLike } from './sink.ts';
import type { StreamError, StreamItem, Streamable } from './sources.ts';
import type { END, Stream, StreamPoll } from './stream.ts';
import type { GO_ON } from './terminals.ts';

let parts: Parts;

/** Says which classes the methods are made of. Called once, by the door of this folder. */
export function provideParts(all: Parts): void {
  parts = all;
}

/** The next item of a stream. Giving it up leaves the stream as it is. */
class Next<T, E> extends BaseFuture<T | typeof END, E> {
  readonly #stream: Stream<T, E>;

  constructor(stream: Stream<T, E>) {
    super();
    this.#stream = stream;
  }

  poll(context: Context): Poll<T | typeof END> {
    return this.#stream.pollNext(context);
  }
}

/** What may be thrown by what a function given to `forEach` returns. */
export type VisitError<R> =
  R extends Future<unknown, infer E>
    ? E
    : R extends Coroutine<unknown, infer E>
      ? E
      : R extends PromiseLike<unknown>
        ? unknown
        : never;

/** How many a stream may hold, take or have under way; 2^32 - 1 at most. */
function countOf(name: string, value: number, minimum: number): number {
  return integerOption(name, value, minimum, minimum, 0xffff_ffff);
}

/**
 * A stream with everything that can be done to one. The streams of the library extend it.
 *
 * A combinator takes the stream over: use what it returns, and the stream no more. All of them are
 * lazy (nothing happens before an item is asked for) and hold no more than they say. An error of
 * the source or of a function that was handed over ends the stream, after everything that is under
 * way was given up; so does giving up what the combinator returned.
 */
export abstract class BaseStream<T, E = unknown> implements Stream<T, E>, AsyncIterable<T> {
  declare readonly '~error'?: E;

  abstract pollNext(context: Context): StreamPoll<T>;

  /** See `Stream.cancel`; by default there is nothing to do. */
  cancel(_context: Context): Poll<void> {
    return undefined;
  }

  /**
   * The next item, or `END`. It can be given up at any time, in a `select` for example: no item is
   * lost by that.
   *
   * @example
   * for (let item; (item = yield* stream.next()) !== END; ) console.log(item);
   */
  next(): BaseFuture<T | typeof END, E> {
    return new Next<T, E>(this);
  }

  /** Gives the stream up and waits until it holds nothing any more. */
  giveUp(): BaseFuture<void, E> {
    return new parts.GiveUp<E>(this);
  }

  /** Gives the stream up. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.giveUp();
  }

  /** For `for await`: each item is pulled by a task; leaving the loop gives the stream up. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    return new parts.StreamIterator<T>(this);
  }

  /**
   * A web stream of the items, pulled when its reader asks. Cancelling it gives this stream up,
   * and waits for that.
   */
  toReadableStream(options: ReadableStreamOptions = {}): ReadableStream<T> {
    return parts.toReadableStream<T>(this, options);
  }

  /** What a function makes of each item. */
  map<U>(change: (item: T) => U): BaseStream<U, E> {
    return new parts.MapStream<T, U, E>(this, change);
  }

  /** The items that pass a test. */
  filter<U extends T>(test: (item: T) => item is U): BaseStream<U, E>;
  filter(test: (item: T) => boolean): BaseStream<T, E>;
  filter(test: (item: T) => boolean): BaseStream<T, E> {
    return new parts.FilterStream<T, E>(this, test);
  }

  /** What a function makes of each item; those of which it makes undefined are left out. */
  filterMap<U>(change: (item: T) => U | undefined): BaseStream<U, E> {
    return new parts.FilterMapStream<T, U, E>(this, change);
  }

  /** Calls a function with each item that passes by. */
  inspect(look: (item: T) => void): BaseStream<T, E> {
    return this.map((item) => {
      look(item);
      return item;
    });
  }

  /** Each item with its number, from 0. */
  enumerate(): BaseStream<[index: number, item: T], E> {
    let index = 0;
    return this.map((item) => [index++, item]);
  }

  /** The result so far after each item. */
  scan<R>(initial: R, combine: (result: R, item: T) => R): BaseStream<R, E> {
    let result = initial;
    return this.map((item) => (result = combine(result, item)));
  }

  /** Leaves out items that are the same as the one before. @default `Object.is` */
  dedupe(isSame: (a: T, b: T) => boolean = Object.is): BaseStream<T, E> {
    let last: { item: T } | undefined;
    return this.filter((item) => {
      if (last !== undefined && isSame(last.item, item)) return false;
      last = { item };
      return true;
    });
  }

  /**
   * The first items; the source is given up when one more is asked for.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  take(count: number): BaseStream<T, E> {
    return new parts.TakeStream<T, E>(this, countOf('count of take', count, 0));
  }

  /**
   * All but the first items.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  skip(count: number): BaseStream<T, E> {
    let left = countOf('count of skip', count, 0);
    return this.filter(() => left === 0 || left-- === 0);
  }

  /** The items before the first one that fails a test; that one is lost. */
  takeWhile(test: (item: T) => boolean): BaseStream<T, E> {
    return new parts.TakeWhileStream<T, E>(this, test);
  }

  /** The items from the first one on that fails a test. */
  skipWhile(test: (item: T) => boolean): BaseStream<T, E> {
    let isSkipping = true;
    return this.filter((item) => !(isSkipping &&= test(item)));
  }

  /** The items until a future is over; whichever ends first, the other is given up. */
  takeUntil<F>(until: Awaitable<unknown, F>): BaseStream<T, E | F> {
    return new parts.TakeUntilStream<T, E | F>(this, until);
  }

  /**
   * Arrays of `size` items; the last one may be shorter. An error waits until the items before it
   * were given.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  chunks(size: number): BaseStream<T[], E> {
    return new parts.ChunksStream<T, E>(this, countOf('size of chunks', size, 1));
  }

  /**
   * As `chunks`, but a chunk waits for more items no longer than a time after its first one.
   * @param milliseconds 0 to 2^50
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  chunksTimeout(size: number, milliseconds: number): BaseStream<T[], E> {
    const limit = countOf('size of chunksTimeout', size, 1);
    checkMs('milliseconds of chunksTimeout', milliseconds, 0);
    return new parts.ChunksTimeoutStream<T, E>(this, limit, milliseconds);
  }

  /**
   * The values of a stream of futures, coroutines or promises, in their order, with up to `limit`
   * of them under way or waiting for those before them. An error comes when it is its turn, and
   * gives up those behind it.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  buffered<U, F>(this: Stream<Awaitable<U, F>, E>, limit: number): BaseStream<U, E | F> {
    const count = countOf('limit of buffered', limit, 1);
    return new parts.BufferedStream<U, E | F>(this, count);
  }

  /**
   * The values of a stream of futures, coroutines or promises as they come, with up to `limit` of
   * them under way. Of those, only the ones are polled that were woken. The first error gives up
   * the others.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  bufferedUnordered<U, F>(this: Stream<Awaitable<U, F>, E>, limit: number): BaseStream<U, E | F> {
    const count = countOf('limit of bufferedUnordered', limit, 1);
    return new parts.BufferedUnorderedStream<U, E | F>(this, count);
  }

  /** The items of all, as they come: in turns, when several have one ready. */
  merge<S extends Streamable<unknown>[]>(
    ...others: S
  ): BaseStream<T | StreamItem<S[number]>, E | StreamError<S[number]>> {
    return new parts.MergeStream<T | StreamItem<S[number]>, E | StreamError<S[number]>>(
      this.#and(others),
    );
  }

  /** The items of this one and then those of the others, one stream after the other. */
  chain<S extends Streamable<unknown>[]>(
    ...others: S
  ): BaseStream<T | StreamItem<S[number]>, E | StreamError<S[number]>> {
    return new parts.ChainStream<T | StreamItem<S[number]>, E | StreamError<S[number]>>(
      this.#and(others),
    );
  }

  /** Arrays of one item of each stream; it ends with the first that does. */
  zip<S extends Streamable<unknown>[]>(
    ...others: S
  ): BaseStream<[T, ...{ [K in keyof S]: StreamItem<S[K]> }], E | StreamError<S[number]>> {
    type Row = [T, ...{ [K in keyof S]: StreamItem<S[K]> }];
    return new parts.ZipStream(this.#and(others)) as BaseStream<unknown> as BaseStream<
      Row,
      E | StreamError<S[number]>
    >;
  }

  /**
   * The items of a stream of streams (or arrays, async iterables …), with up to `limit` of them
   * open: one after the other by default, else as they come.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  flatten<S extends Streamable<unknown>>(
    this: Stream<S, E>,
    limit = 1,
  ): BaseStream<StreamItem<S>, E | StreamError<S>> {
    const count = countOf('limit of flatten', limit, 1);
    return new parts.FlattenStream(this, count) as BaseStream<unknown> as BaseStream<
      StreamItem<S>,
      E | StreamError<S>
    >;
  }

  /** `map` and `flatten` in one. */
  flatMap<S extends Streamable<unknown>>(
    change: (item: T) => S,
    limit = 1,
  ): BaseStream<StreamItem<S>, E | StreamError<S>> {
    return this.map(change).flatten<S>(limit);
  }

  /**
   * The same items with at least a time between two of them; none is left out.
   * @param milliseconds 0 to 2^50
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  throttle(milliseconds: number): BaseStream<T, E> {
    checkMs('milliseconds of throttle', milliseconds, 0);
    return new parts.ThrottleStream<T, E>(this, milliseconds);
  }

  /**
   * The same items, none of which may take longer than a time from when it was asked for: then the
   * stream ends with `ERR_TASK_TIMEOUT`.
   * @param milliseconds 0 to 2^50
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  timeout(milliseconds: number): BaseStream<T, E | RondoError> {
    checkMs('milliseconds of timeout', milliseconds, 0);
    return new parts.TimeoutStream<T, E>(this, milliseconds);
  }

  /**
   * Two streams of the same items. The one that is ahead waits when the other has not taken the
   * last `capacity` items; one that is not wanted any more must be given up. An error comes to
   * both.
   * @default 16
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  tee(capacity = 16): [BaseStream<T, E>, BaseStream<T, E>] {
    return parts.branches<T, E>(this, countOf('capacity of tee', capacity, 1));
  }

  /**
   * Two streams: of the items that pass a test and of those that fail it. Either waits when the
   * other has `capacity` items to take; those of one that was given up are lost. An error comes to
   * both.
   * @default 16
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  split(test: (item: T) => boolean, capacity = 16): [BaseStream<T, E>, BaseStream<T, E>] {
    return parts.branches<T, E>(this, countOf('capacity of split', capacity, 1), test);
  }

  /** All items, in an array that is as long as the stream. */
  collect(): BaseFuture<T[], E> {
    return this.fold<T[]>([], (items, item) => {
      items.push(item);
      return items;
    });
  }

  /** One value of all items. */
  fold<R>(initial: R, combine: (result: R, item: T) => R): BaseFuture<R, E> {
    return new parts.Fold<T, R, E>(this, initial, combine);
  }

  /** One value of all items, beginning with the first of them; undefined when there is none. */
  reduce(combine: (result: T, item: T) => T): BaseFuture<T | undefined, E> {
    let isFirst = true;
    return this.fold<T | undefined>(undefined, (result, item) => {
      if (!isFirst) return combine(result as T, item);
      isFirst = false;
      return item;
    });
  }

  /** How many items there are. */
  count(): BaseFuture<number, E> {
    return this.fold(0, (count) => count + 1);
  }

  /**
   * Calls a function with each item. When it gives something to wait for (a future, a coroutine, a
   * promise), that is over before the next item is asked for.
   *
   * @example
   * yield* listener.forEach(function* (connection) {
   *   yield* serve(connection);
   * });
   */
  forEach<R>(visit: (item: T) => R): BaseFuture<void, E | VisitError<R>> {
    return new parts.ForEach<T, E | VisitError<R>>(this, visit);
  }

  /** The first item, undefined when there is none; the others are given up. */
  first(): BaseFuture<T | undefined, E> {
    return new parts.Search<T, T | undefined, E>(this, (item) => item, undefined);
  }

  /** The first item that passes a test, undefined when none does; the others are given up. */
  find<U extends T>(test: (item: T) => item is U): BaseFuture<U | undefined, E>;
  find(test: (item: T) => boolean): BaseFuture<T | undefined, E>;
  find(test: (item: T) => boolean): BaseFuture<T | undefined, E> {
    const look = (item: T): T | typeof GO_ON => (test(item) ? item : parts.GO_ON);
    return new parts.Search<T, T | undefined, E>(this, look, undefined);
  }

  /** Whether an item passes a test; with the first that does, the others are given up. */
  some(test: (item: T) => boolean): BaseFuture<boolean, E> {
    return new parts.Search<T, boolean, E>(this, (item) => test(item) || parts.GO_ON, false);
  }

  /** Whether all items pass a test; with the first that does not, the others are given up. */
  every(test: (item: T) => boolean): BaseFuture<boolean, E> {
    return new parts.Search<T, boolean, E>(this, (item) => test(item) && parts.GO_ON, true);
  }

  /**
   * Sends each item to a sink (the sender of a channel, a web `WritableStream`), when there is room
   * for it, and closes the sink at the end. A failure on either side, or giving this future up,
   * gives up the stream and aborts the sink.
   */
  forward(sink: SinkLike<T>, options: ForwardOptions = {}): BaseFuture<void> {
    return new parts.Forward<T, E>(this, sink, options);
  }

  #and<U, F>(others: readonly Streamable<unknown>[]): Stream<U, F>[] {
    const all: Stream<unknown>[] = [this, ...others.map((other) => parts.toStream(other))];
    return all as Stream<U, F>[];
  }
}
