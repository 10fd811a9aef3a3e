/** Combinators that look at one item at a time. */
import { PENDING, type Context } from '../future/index.ts';
import { Pipe } from './operator.ts';
import { END, type Stream, type StreamPoll } from './stream.ts';

/** See `BaseStream.map`. */
export class MapStream<S, T, E> extends Pipe<S, T, E> {
  readonly #change: (item: S) => T;

  constructor(source: Stream<S, E>, change: (item: S) => T) {
    super(source);
    this.#change = change;
  }

  protected step(context: Context): StreamPoll<T> {
    const item = this.source.pollNext(context);
    if (item === PENDING) return PENDING;
    return item === END ? END : this.#change(item);
  }
}

/** See `BaseStream.filter`. */
export class FilterStream<T, E> extends Pipe<T, T, E> {
  readonly #test: (item: T) => boolean;

  constructor(source: Stream<T, E>, test: (item: T) => boolean) {
    super(source);
    this.#test = test;
  }

  protected step(context: Context): StreamPoll<T> {
    for (;;) {
      const item = this.source.pollNext(context);
      if (item === PENDING || item === END || this.#test(item)) return item;
      if (!context.proceed()) return PENDING;
    }
  }
}

/** See `BaseStream.filterMap`. */
export class FilterMapStream<S, T, E> extends Pipe<S, T, E> {
  readonly #change: (item: S) => T | undefined;

  constructor(source: Stream<S, E>, change: (item: S) => T | undefined) {
    super(source);
    this.#change = change;
  }

  protected step(context: Context): StreamPoll<T> {
    for (;;) {
      const item = this.source.pollNext(context);
      if (item === PENDING) return PENDING;
      if (item === END) return END;
      const changed = this.#change(item);
      if (changed !== undefined) return changed;
      if (!context.proceed()) return PENDING;
    }
  }
}

/** See `BaseStream.take`. */
export class TakeStream<T, E> extends Pipe<T, T, E> {
  #left: number;

  constructor(source: Stream<T, E>, count: number) {
    super(source);
    this.#left = count;
  }

  protected step(context: Context): StreamPoll<T> {
    if (this.#left === 0) return this.finish(context);
    const item = this.source.pollNext(context);
    if (item !== PENDING && item !== END) this.#left -= 1;
    return item;
  }
}

/** See `BaseStream.takeWhile`. */
export class TakeWhileStream<T, E> extends Pipe<T, T, E> {
  readonly #test: (item: T) => boolean;

  constructor(source: Stream<T, E>, test: (item: T) => boolean) {
    super(source);
    this.#test = test;
  }

  protected step(context: Context): StreamPoll<T> {
    const item = this.source.pollNext(context);
    if (item === PENDING || item === END || this.#test(item)) return item;
    return this.finish(context);
  }
}
