/** Streams whose items come from promises: one step at a time, none asked for ahead. */
import { RondoError } from '../../base/index.ts';
import { PENDING, type Context, type Poll, type Waker } from '../future/index.ts';
import { BaseStream } from './base.ts';
import { END, type StreamPoll } from './stream.ts';
import { keepWaker } from '../future/keep-waker.ts';

type Step<T> = IteratorResult<T, unknown>;

/**
 * A stream that asks for a promise of its next step. A step that was asked for stays here until it
 * is taken, whoever stops waiting for it.
 */
export abstract class PromiseSource<T> extends BaseStream<T> {
  #state: 'idle' | 'asked' | 'settled' | 'closing' | 'closed' | 'over' = 'idle';
  /** What settled: a step or, when `#hasFailed`, an error. */
  #outcome: unknown = undefined;
  #hasFailed = false;
  #waker: Waker | undefined = undefined;
  readonly #onStep = (step: Step<T>): void => this.#settle('asked', step, false);
  readonly #onError = (error: unknown): void => this.#settle('asked', error, true);

  /** Asks for the next step. */
  protected abstract ask(): PromiseLike<Step<T>>;

  /** Gives the source up; undefined when there is nothing to wait for. */
  protected abstract close(isAsked: boolean, reason: unknown): PromiseLike<unknown> | undefined;

  pollNext(context: Context): StreamPoll<T> {
    if (this.#isClosing || this.#state === 'over') return END;
    if (!context.proceed()) return PENDING;
    if (this.#state === 'idle') this.#start();
    if (this.#state === 'asked') return this.#wait(context);
    return this.#take();
  }

  override cancel(context: Context): Poll<void> {
    if (this.#state === 'over') return undefined;
    if (!this.#isClosing) this.#startClosing(context.reason);
    return this.#state === 'closing' ? this.#wait(context) : this.#finish();
  }

  get #isClosing(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }

  #start(): void {
    try {
      const asked = this.ask();
      this.#state = 'asked';
      Promise.resolve(asked).then(this.#onStep, this.#onError);
    } catch (error) {
      this.#state = 'over';
      throw error;
    }
  }

  /** What the step that was asked for throws is nobody's any more; what `close` throws is. */
  #startClosing(reason: unknown): void {
    const isAsked = this.#state === 'asked';
    this.#state = 'over';
    this.#outcome = undefined;
    this.#hasFailed = false;
    this.#waker?.drop();
    this.#waker = undefined;
    const closed = this.close(isAsked, reason ?? givenUp());
    if (closed === undefined) return;
    this.#state = 'closing';
    Promise.resolve(closed).then(
      () => this.#settle('closing', undefined, false),
      (error: unknown) => this.#settle('closing', error, true),
    );
  }

  /** `from` is the state in which it counts: a step is nobody's when giving up has begun. */
  #settle(from: 'asked' | 'closing', outcome: unknown, hasFailed: boolean): void {
    if (this.#state !== from) return;
    this.#state = from === 'asked' ? 'settled' : 'closed';
    this.#outcome = outcome;
    this.#hasFailed = hasFailed;
    const waker = this.#waker;
    this.#waker = undefined;
    waker?.wake();
  }

  #wait(context: Context): typeof PENDING {
    this.#waker = keepWaker(this.#waker, context);
    return PENDING;
  }

  #take(): StreamPoll<T> {
    const outcome = this.#outcome;
    this.#outcome = undefined;
    this.#state = 'over';
    if (this.#hasFailed) throw outcome;
    const step = outcome as Step<T>;
    if (step.done === true) return END;
    this.#state = 'idle';
    return step.value;
  }

  #finish(): void {
    this.#state = 'over';
    const error = this.#outcome;
    this.#outcome = undefined;
    if (!this.#hasFailed) return;
    this.#hasFailed = false;
    throw error;
  }
}

/** An async iterable as a stream. */
export class AsyncIterableStream<T> extends PromiseSource<T> {
  readonly #iterable: AsyncIterable<T>;
  #iterator: AsyncIterator<T> | undefined = undefined;

  constructor(iterable: AsyncIterable<T>) {
    super();
    this.#iterable = iterable;
  }

  protected ask(): PromiseLike<Step<T>> {
    this.#iterator ??= this.#iterable[Symbol.asyncIterator]();
    return this.#iterator.next();
  }

  protected close(isAsked: boolean): PromiseLike<unknown> | undefined {
    // A Readable's iterator would finish only with the read that is under way.
    if (isAsked || this.#iterator === undefined) destroy(this.#iterable);
    return this.#iterator?.return?.();
  }
}

/** Destroys a stream of Node; nothing for other iterables. */
function destroy(iterable: object): void {
  const { destroy: method } = iterable as { destroy?: unknown };
  if (typeof method !== 'function') return;
  method.call(iterable);
}

/** Why something outside was cancelled when a stream was given up. */
export function givenUp(): RondoError {
  return new RondoError('ERR_TASK_CANCELLED', 'The stream was given up by its consumer');
}
