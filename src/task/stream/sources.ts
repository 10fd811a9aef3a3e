/** Where streams come from. */
import { misuse } from '../../base/index.ts';
import { PENDING, type Context, type Poll } from '../future/index.ts';
import { AsyncIterableStream } from './async-source.ts';
import { BaseStream } from './base.ts';
import type { Cancellable } from './closing.ts';
import { Pipe } from './operator.ts';
import { END, type Stream, type StreamPoll } from './stream.ts';
import { WebSource } from './web-source.ts';

/** What `toStream` takes. */
export type Streamable<T, E = unknown> =
  Stream<T, E> | Iterable<T> | AsyncIterable<T> | ReadableStream<T>;

/** The items of something that `toStream` takes. */
export type StreamItem<S> =
  S extends Stream<infer T, infer _E>
    ? T
    : S extends ReadableStream<infer T>
      ? T
      : S extends AsyncIterable<infer T>
        ? T
        : S extends Iterable<infer T>
          ? T
          : never;

/** What a stream of something that `toStream` takes may throw; nothing for arrays. */
export type StreamError<S> =
  S extends Stream<infer _T, infer E> ? E : S extends readonly unknown[] ? never : unknown;

/** A stream of hand-made or foreign kind, with the combinators. */
class WrappedStream<T, E> extends Pipe<T, T, E> {
  protected step(context: Context): StreamPoll<T> {
    return this.source.pollNext(context);
  }
}

/** The items of an iterable, one unit of budget each. */
class IterableStream<T> extends BaseStream<T> {
  readonly #iterable: Iterable<T>;
  #iterator: Iterator<T> | undefined = undefined;
  #isOver = false;

  constructor(iterable: Iterable<T>) {
    super();
    this.#iterable = iterable;
  }

  pollNext(context: Context): StreamPoll<T> {
    if (this.#isOver) return END;
    if (!context.proceed()) return PENDING;
    try {
      this.#iterator ??= this.#iterable[Symbol.iterator]();
      const step = this.#iterator.next();
      if (step.done !== true) return step.value;
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
    this.#isOver = true;
    return END;
  }

  override cancel(): Poll<void> {
    if (this.#isOver) return undefined;
    this.#isOver = true;
    this.#iterator?.return?.();
    return undefined;
  }
}

class PollStream<T, E> extends BaseStream<T, E> {
  readonly #poll: (context: Context) => StreamPoll<T>;
  readonly #source: Cancellable;

  constructor(poll: (context: Context) => StreamPoll<T>, source: Cancellable) {
    super();
    this.#poll = poll;
    this.#source = source;
  }

  pollNext(context: Context): StreamPoll<T> {
    return this.#poll(context);
  }

  override cancel(context: Context): Poll<void> {
    return this.#source.cancel?.(context);
  }
}

/** A stream from a function that is called at each poll, and one for giving the stream up. */
export function pollStream<T, E = unknown>(
  poll: (context: Context) => StreamPoll<T>,
  cancel?: (context: Context) => Poll<void>,
): BaseStream<T, E> {
  return new PollStream<T, E>(poll, cancel === undefined ? {} : { cancel });
}

/**
 * The stream of something that has items: an array or other iterable, an async iterable (an async
 * generator, a `Readable` of Node), a web `ReadableStream`, a stream written by hand. Nothing is
 * asked for before the first poll, and nothing ahead. Giving the stream up calls the iterator's
 * `return`, destroys a `Readable`, cancels a `ReadableStream`, and waits for that; an async
 * generator that waits for a promise cannot be stopped, so it is waited for until that settles.
 *
 * @throws {TypeError} ERR_STREAM_KIND for anything else
 * @example
 * const sizes = yield* toStream(['a.txt', 'b.txt'])
 *   .map((name) => fs.stat(name))
 *   .buffered(8)
 *   .collect();
 */
export function toStream<S extends Streamable<unknown>>(
  source: S,
): BaseStream<StreamItem<S>, StreamError<S>> {
  return streamOf(source) as BaseStream<StreamItem<S>, StreamError<S>>;
}

function streamOf(source: unknown): BaseStream<unknown> {
  if (source instanceof BaseStream) return source as BaseStream<unknown>;
  const hasMethod = (key: PropertyKey): boolean =>
    source !== null &&
    source !== undefined &&
    typeof (source as Record<PropertyKey, unknown>)[key] === 'function';
  if (hasMethod('pollNext')) return new WrappedStream(source as Stream<unknown>);
  // Before the other protocols, which some of them have too.
  if (hasMethod('getReader')) return new WebSource(source as ReadableStream<unknown>);
  if (hasMethod(Symbol.asyncIterator)) {
    return new AsyncIterableStream(source as AsyncIterable<unknown>);
  }
  if (hasMethod(Symbol.iterator)) return new IterableStream(source as Iterable<unknown>);
  throw misuse(
    'ERR_STREAM_KIND',
    `Cannot make a stream of ${describe(source)}: it must be a stream or an iterable`,
  );
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'object' ? 'this object' : `a value of type ${typeof value}`;
}
