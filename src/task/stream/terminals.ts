/** Futures that use up a stream. One unit of budget for each item. */
import { isThenable } from '../../base/index.ts';
import { isCoroutine, isFuture, PENDING, toFuture } from '../future/index.ts';
import type { Context, Future, Poll } from '../future/index.ts';
import type { Cancellable } from './closing.ts';
import { Consumer } from './operator.ts';
import { END, type Stream } from './stream.ts';

/** All items in one value: see `BaseStream.fold`, `collect`, `count`. */
export class Fold<T, R, E> extends Consumer<R, E> {
  readonly #source: Stream<T, E>;
  readonly #combine: (result: R, item: T) => R;
  #result: R;

  constructor(source: Stream<T, E>, initial: R, combine: (result: R, item: T) => R) {
    super();
    this.#source = source;
    this.#result = initial;
    this.#combine = combine;
  }

  protected step(context: Context): Poll<R> {
    for (;;) {
      const item = this.#source.pollNext(context);
      if (item === PENDING) return PENDING;
      if (item === END) return this.#result;
      this.#result = this.#combine(this.#result, item);
      if (!context.proceed()) return PENDING;
    }
  }

  protected held(): readonly Cancellable[] {
    return [this.#source];
  }
}

/** Given by the test of a `Search` to go on. */
export const GO_ON: unique symbol = Symbol('rondo.go on');

/** The first result that a test gives: see `BaseStream.find`, `some`, `every`. */
export class Search<T, R, E> extends Consumer<R, E> {
  readonly #source: Stream<T, E>;
  readonly #test: (item: T) => R | typeof GO_ON;
  readonly #otherwise: R;

  constructor(source: Stream<T, E>, test: (item: T) => R | typeof GO_ON, otherwise: R) {
    super();
    this.#source = source;
    this.#test = test;
    this.#otherwise = otherwise;
  }

  protected step(context: Context): Poll<R> {
    for (;;) {
      const item = this.#source.pollNext(context);
      if (item === PENDING) return PENDING;
      if (item === END) return this.#otherwise;
      const result = this.#test(item);
      if (result !== GO_ON) return this.finish(result, context);
      if (!context.proceed()) return PENDING;
    }
  }

  protected held(): readonly Cancellable[] {
    return [this.#source];
  }
}

/** See `BaseStream.forEach`. */
export class ForEach<T, E> extends Consumer<void, E> {
  readonly #source: Stream<T, E>;
  readonly #visit: (item: T) => unknown;
  #visiting: Future<unknown> | undefined = undefined;

  constructor(source: Stream<T, E>, visit: (item: T) => unknown) {
    super();
    this.#source = source;
    this.#visit = visit;
  }

  protected step(context: Context): Poll<void> {
    for (;;) {
      if (this.#visiting !== undefined && this.#visiting.poll(context) === PENDING) return PENDING;
      this.#visiting = undefined;
      const item = this.#source.pollNext(context);
      if (item === PENDING) return PENDING;
      if (item === END) return undefined;
      const visit = this.#visit(item);
      if (isFuture(visit) || isCoroutine(visit) || isThenable(visit)) {
        this.#visiting = toFuture(visit);
      }
      if (!context.proceed()) return PENDING;
    }
  }

  protected held(): readonly Cancellable[] {
    return this.#visiting === undefined ? [this.#source] : [this.#visiting, this.#source];
  }
}
