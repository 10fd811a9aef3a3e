/**
 * What streams that are made of others and futures that use up a stream have in common: whatever
 * ends them (the end of the source, an error, having seen enough, being given up), they give up
 * all that they hold and wait for it, before they say so.
 */
import { BaseFuture, PENDING, type Context, type Poll } from '../future/index.ts';
import { BaseStream } from './base.ts';
import { Closing, type Cancellable } from './closing.ts';
import { END, type Stream, type StreamPoll } from './stream.ts';

const CLOSED = new Closing<typeof END>([], END);

/** A stream that is made of something else. */
export abstract class Operator<T, E> extends BaseStream<T, E> {
  #closing: Closing<typeof END> | undefined = undefined;

  /** One poll while nothing has ended. What it throws ends the stream. */
  protected abstract step(context: Context): StreamPoll<T>;

  /** What must be given up if the stream ended now. */
  protected abstract held(): readonly Cancellable[];

  pollNext(context: Context): StreamPoll<T> {
    if (this.#closing !== undefined) return this.#closing.poll(context);
    try {
      const item = this.step(context);
      if (item === END) this.#closing ??= CLOSED;
      return item;
    } catch (error) {
      // Thrown by `finish`: that is the outcome.
      if (this.#closing !== undefined) throw error;
      this.#closing = new Closing<typeof END>(this.held(), END, [error]);
      return this.#closing.poll(context);
    }
  }

  override cancel(context: Context): Poll<void> {
    this.#closing ??= new Closing<typeof END>(this.held(), END);
    return this.#closing.poll(context) === PENDING ? PENDING : undefined;
  }

  /** For `step`: ends the stream although something is still held. */
  protected finish(context: Context): typeof END | typeof PENDING {
    this.#closing = new Closing<typeof END>(this.held(), END);
    return this.#closing.poll(context);
  }
}

/** A stream that is made of one other stream and holds nothing else. */
export abstract class Pipe<S, T, E> extends Operator<T, E> {
  protected readonly source: Stream<S, E>;

  constructor(source: Stream<S, E>) {
    super();
    this.source = source;
  }

  protected held(): readonly Cancellable[] {
    return [this.source];
  }
}

/** A future that uses up a stream. */
export abstract class Consumer<R, E> extends BaseFuture<R, E> {
  #closing: Closing<R> | undefined = undefined;
  #over = false;

  /** One poll while nothing has ended. What it throws ends the future. */
  protected abstract step(context: Context): Poll<R>;

  /** What must be given up if the future ended now. */
  protected abstract held(): readonly Cancellable[];

  poll(context: Context): Poll<R> {
    if (this.#closing !== undefined) return this.#closing.poll(context);
    try {
      const result = this.step(context);
      this.#over = result !== PENDING;
      return result;
    } catch (error) {
      if (this.#closing !== undefined) throw error;
      this.#closing = new Closing<R>(this.held(), undefined as R, [error]);
      return this.#closing.poll(context);
    }
  }

  cancel(context: Context): Poll<void> {
    if (this.#over) return undefined;
    // Nobody looks at the result.
    this.#closing ??= new Closing<R>(this.held(), undefined as R);
    return this.#closing.poll(context) === PENDING ? PENDING : undefined;
  }

  /** For `step`: ends with a result although something is still held. */
  protected finish(result: R, context: Context): Poll<R> {
    this.#closing = new Closing<R>(this.held(), result);
    return this.#closing.poll(context);
  }
}

/**
 * A source whose error waits until what was taken from it before was given away: `pollNext` says
 * `END` then, and `outcome` throws it. Not polled any more once it is over.
 */
export class PatientSource<T, E> implements Stream<T, E>, Cancellable {
  readonly #source: Stream<T, E>;
  #failure: { error: unknown } | undefined = undefined;
  /** The source ended or threw. */
  isOver = false;

  constructor(source: Stream<T, E>) {
    this.#source = source;
  }

  pollNext(context: Context): StreamPoll<T> {
    if (this.isOver) return END;
    try {
      const item = this.#source.pollNext(context);
      if (item === END) this.isOver = true;
      return item;
    } catch (error) {
      this.isOver = true;
      this.#failure = { error };
      return END;
    }
  }

  /** How the source ended. */
  outcome(): typeof END {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    return END;
  }

  /** Throws the error that waits, too: nobody else will. */
  cancel(context: Context): Poll<void> {
    if (!this.isOver) return this.#source.cancel?.(context);
    this.outcome();
    return undefined;
  }
}
