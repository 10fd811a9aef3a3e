/** Where the items of a stream go to. */
import { RondoError } from '../../base/index.ts';
import { PENDING, toFuture } from '../future/index.ts';
import type { Awaitable, Context, Future, Poll } from '../future/index.ts';
import { givenUp } from './async-source.ts';
import type { Cancellable } from './closing.ts';
import { Consumer } from './operator.ts';
import { END, type Stream } from './stream.ts';
import { WebSink } from './web-sink.ts';

/**
 * Something that takes items one after the other, each when there is room. The sender of a channel
 * is one.
 */
export interface Sink<T, E = unknown> {
  /** Takes an item; over when there is room for the next. Giving it up takes the item back. */
  send(item: T): Future<unknown, E>;
  /** There are no more items; over when all of them have arrived. */
  close?(): Awaitable<unknown, E> | void;
  /** The items stop early: something failed, here or there, or was given up. @default `close` */
  abort?(reason: unknown): Awaitable<unknown> | void;
  /** With `keepOpen` instead of the two above: others go on using what is behind the sink. */
  release?(): Awaitable<unknown> | void;
  /** Over when no item is taken any more: noticed while the stream is waited for, too. */
  closed?(): Future<unknown, E>;
}

/** Options of `BaseStream.forward`. */
export interface ForwardOptions {
  /**
   * Whether the sink stays open after the last item, and after a failure.
   * @default false
   */
  readonly keepOpen?: boolean;
}

/** What `BaseStream.forward` takes. */
export type SinkLike<T> = Sink<T> | WritableStream<T>;

/** Tells a sink that the items stop early, as the last thing of a forwarding that failed. */
class Abort implements Cancellable {
  readonly #begin: () => Awaitable<unknown> | void;
  #ending: Future<unknown> | undefined = undefined;

  constructor(begin: () => Awaitable<unknown> | void) {
    this.#begin = begin;
  }

  cancel(context: Context): Poll<void> {
    if (this.#ending === undefined) {
      const begun = this.#begin();
      if (begun === undefined) return undefined;
      this.#ending = toFuture(begun);
    }
    return this.#ending.poll(context) === PENDING ? PENDING : undefined;
  }
}

/** See `BaseStream.forward`. Holds at most one item, the one that there is no room for yet. */
export class Forward<T, E> extends Consumer<void, E> {
  readonly #source: Stream<T, E>;
  readonly #sink: Sink<T>;
  readonly #keepOpen: boolean;
  #closed: Future<unknown> | undefined;
  #sending: Future<unknown> | undefined = undefined;
  #ending: Future<unknown> | undefined = undefined;
  #reason: unknown = undefined;

  constructor(source: Stream<T, E>, target: SinkLike<T>, { keepOpen = false }: ForwardOptions) {
    super();
    this.#source = source;
    this.#sink = 'getWriter' in target ? new WebSink<T>(target) : target;
    this.#keepOpen = keepOpen;
    this.#closed = this.#sink.closed?.();
  }

  protected step(context: Context): Poll<void> {
    try {
      return this.#ending === undefined ? this.#forward(context) : this.#end(context);
    } catch (error) {
      this.#reason = error;
      throw error;
    }
  }

  override cancel(context: Context): Poll<void> {
    this.#reason ??= context.reason;
    return super.cancel(context);
  }

  protected held(): readonly Cancellable[] {
    const held: Cancellable[] = [];
    if (this.#ending !== undefined) return [this.#ending];
    if (this.#sending !== undefined) held.push(this.#sending);
    if (this.#closed !== undefined) held.push(this.#closed);
    const reason = this.#reason ?? givenUp();
    return [...held, this.#source, new Abort(() => this.#abort(reason))];
  }

  #abort(reason: unknown): Awaitable<unknown> | void {
    if (this.#keepOpen) return this.#sink.release?.();
    return this.#sink.abort === undefined ? this.#sink.close?.() : this.#sink.abort(reason);
  }

  #forward(context: Context): Poll<void> {
    if (this.#closed !== undefined && this.#closed.poll(context) !== PENDING) {
      this.#closed = undefined;
      throw new RondoError('ERR_STREAM_CLOSED', 'Cannot forward more items: the sink is closed');
    }
    for (;;) {
      if (this.#sending !== undefined && this.#sending.poll(context) === PENDING) return PENDING;
      this.#sending = undefined;
      const item = this.#source.pollNext(context);
      if (item === PENDING) return PENDING;
      if (item === END) break;
      this.#sending = this.#sink.send(item);
      if (!context.proceed()) return PENDING;
    }
    this.#closed?.cancel?.(context);
    this.#closed = undefined;
    const ending = this.#keepOpen ? this.#sink.release?.() : this.#sink.close?.();
    if (ending === undefined) return undefined;
    this.#ending = toFuture(ending);
    return this.#end(context);
  }

  #end(context: Context): Poll<void> {
    return this.#ending?.poll(context) === PENDING ? PENDING : undefined;
  }
}
