/** Combinators of several streams. */
import { PENDING, toFuture, type Awaitable, type Context } from '../future/index.ts';
import type { Future, Poll } from '../future/index.ts';
import type { Cancellable } from './closing.ts';
import { Operator } from './operator.ts';
import { ReadySet } from './ready-set.ts';
import { toStream, type Streamable } from './sources.ts';
import { END, type Stream, type StreamPoll } from './stream.ts';

/** An item of one of several streams; who gave it goes behind the others that were woken. */
function nextOf<T, E>(streams: ReadySet<Stream<T, E>>): Poll<T> {
  for (let slot; (slot = streams.take()) !== undefined;) {
    let item: StreamPoll<T>;
    try {
      item = slot.child.pollNext(slot);
    } catch (error) {
      streams.remove(slot);
      throw error;
    }
    if (item === PENDING) continue;
    if (item === END) {
      streams.remove(slot);
      continue;
    }
    streams.putBack(slot);
    return item;
  }
  return PENDING;
}

/** See `BaseStream.merge`. */
export class MergeStream<T, E> extends Operator<T, E> {
  readonly #sources = new ReadySet<Stream<T, E>>();

  constructor(sources: readonly Stream<T, E>[]) {
    super();
    for (const source of sources) this.#sources.add(source);
  }

  protected step(context: Context): StreamPoll<T> {
    this.#sources.enter(context);
    const item = nextOf(this.#sources);
    if (item !== PENDING) return item;
    return this.#sources.size === 0 ? END : PENDING;
  }

  protected held(): readonly Cancellable[] {
    return [this.#sources];
  }
}

/** See `BaseStream.flatten`. At most `limit` of the inner streams are open. */
export class FlattenStream<T, E> extends Operator<T, E> {
  readonly #source: Stream<Streamable<T, E>, E>;
  readonly #limit: number;
  readonly #open = new ReadySet<Stream<T, E>>();
  #sourceIsOver = false;

  constructor(source: Stream<Streamable<T, E>, E>, limit: number) {
    super();
    this.#source = source;
    this.#limit = limit;
  }

  protected step(context: Context): StreamPoll<T> {
    for (;;) {
      this.#open.enter(context);
      this.#fill(context);
      const before = this.#open.size;
      const item = nextOf(this.#open);
      if (item !== PENDING) return item;
      if (this.#sourceIsOver) return this.#open.size === 0 ? END : PENDING;
      // Only when one has ended there is room for what the source has ready, perhaps.
      if (this.#open.size === before || !context.proceed()) return PENDING;
    }
  }

  protected held(): readonly Cancellable[] {
    return [this.#open, this.#source];
  }

  #fill(context: Context): void {
    while (!this.#sourceIsOver && this.#open.size < this.#limit) {
      const item = this.#source.pollNext(context);
      if (item === PENDING) return;
      if (item === END) this.#sourceIsOver = true;
      else this.#open.add(toStream(item) as Stream<unknown> as Stream<T, E>);
    }
  }
}

const NOTHING = Symbol('nothing');

/** See `BaseStream.zip`. Holds at most one item of each stream. */
export class ZipStream<T, E> extends Operator<T[], E> {
  readonly #sources: readonly Stream<T, E>[];
  #items: (T | typeof NOTHING)[];

  constructor(sources: readonly Stream<T, E>[]) {
    super();
    this.#sources = sources;
    this.#items = sources.map(() => NOTHING);
  }

  protected step(context: Context): StreamPoll<T[]> {
    let isComplete = true;
    for (let index = 0; index < this.#sources.length; index++) {
      if (this.#items[index] !== NOTHING) continue;
      const item = (this.#sources[index] as Stream<T, E>).pollNext(context);
      if (item === END) return this.finish(context);
      if (item === PENDING) isComplete = false;
      else this.#items[index] = item;
    }
    if (!isComplete) return PENDING;
    const items = this.#items as T[];
    this.#items = this.#sources.map(() => NOTHING);
    return items;
  }

  protected held(): readonly Cancellable[] {
    this.#items = [];
    return this.#sources;
  }
}

/** See `BaseStream.chain`. */
export class ChainStream<T, E> extends Operator<T, E> {
  readonly #sources: readonly Stream<T, E>[];
  #current = 0;

  constructor(sources: readonly Stream<T, E>[]) {
    super();
    this.#sources = sources;
  }

  protected step(context: Context): StreamPoll<T> {
    for (;;) {
      const source = this.#sources[this.#current];
      if (source === undefined) return END;
      const item = source.pollNext(context);
      if (item !== END) return item;
      this.#current += 1;
    }
  }

  protected held(): readonly Cancellable[] {
    return this.#sources.slice(this.#current);
  }
}

/** See `BaseStream.takeUntil`. */
export class TakeUntilStream<T, E> extends Operator<T, E> {
  readonly #source: Stream<T, E>;
  readonly #until: Future<unknown>;

  constructor(source: Stream<T, E>, until: Awaitable<unknown>) {
    super();
    this.#source = source;
    this.#until = toFuture(until);
  }

  protected step(context: Context): StreamPoll<T> {
    if (this.#until.poll(context) !== PENDING) return this.finish(context);
    const item = this.#source.pollNext(context);
    return item === END ? this.finish(context) : item;
  }

  protected held(): readonly Cancellable[] {
    return [this.#until, this.#source];
  }
}
