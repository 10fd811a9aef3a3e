/** Streams of futures: some of them under way at once. */
import { PENDING, toFuture, type Awaitable, type Context, type Poll } from '../future/index.ts';
import type { Future } from '../future/index.ts';
import { Deque } from '../sync/deque.ts';
import type { Cancellable } from './closing.ts';
import { Operator, PatientSource } from './operator.ts';
import { ReadySet } from './ready-set.ts';
import { END, type Stream, type StreamPoll } from './stream.ts';

/** A future whose outcome waits until those before it had theirs. */
class Ordered<T> implements Cancellable {
  readonly future: Future<T>;
  state: 'pending' | 'value' | 'error' = 'pending';
  outcome: unknown = undefined;

  constructor(future: Future<T>) {
    this.future = future;
  }

  /** Polls the future; true when it is over. */
  settle(context: Context): boolean {
    try {
      this.outcome = this.future.poll(context);
      if (this.outcome === PENDING) return false;
      this.state = 'value';
    } catch (error) {
      this.outcome = error;
      this.state = 'error';
    }
    return true;
  }

  cancel(context: Context): Poll<void> {
    return this.future.cancel?.(context);
  }
}

/** An error that came and was told to nobody. */
class Unsaid implements Cancellable {
  readonly #error: unknown;

  constructor(error: unknown) {
    this.#error = error;
  }

  cancel(): never {
    throw this.#error;
  }
}

/** See `BaseStream.buffered`. At most `limit` futures are under way or wait to be given. */
export class BufferedStream<T, E> extends Operator<T, E> {
  readonly #source: PatientSource<Awaitable<T, E>, E>;
  readonly #limit: number;
  readonly #running = new ReadySet<Ordered<T>>();
  /** The one whose turn it is, and those behind it: they run, or wait for their turn. */
  #oldest: Ordered<T> | undefined = undefined;
  readonly #others = new Deque<Ordered<T>>();

  constructor(source: Stream<Awaitable<T, E>, E>, limit: number) {
    super();
    this.#source = new PatientSource(source);
    this.#limit = limit;
  }

  protected step(context: Context): StreamPoll<T> {
    this.#running.enter(context);
    this.#fill(context);
    for (let slot; (slot = this.#running.take()) !== undefined;) {
      if (slot.child.settle(slot)) this.#running.remove(slot);
    }
    const oldest = this.#oldest;
    if (oldest === undefined) return this.#source.isOver ? this.#source.outcome() : PENDING;
    if (oldest.state === 'pending') return PENDING;
    this.#oldest = this.#next();
    if (oldest.state === 'error') throw oldest.outcome;
    return oldest.outcome as T;
  }

  /** With the errors of futures that are over but had to wait for their turn. */
  protected held(): readonly Cancellable[] {
    const errors: Cancellable[] = [];
    for (let entry = this.#oldest; entry !== undefined; entry = this.#next()) {
      if (entry.state === 'error') errors.push(new Unsaid(entry.outcome));
    }
    this.#oldest = undefined;
    return [...errors, this.#running, this.#source];
  }

  #next(): Ordered<T> | undefined {
    return this.#others.length > 0 ? this.#others.shift() : undefined;
  }

  #fill(context: Context): void {
    while (this.#oldest === undefined || this.#others.length < this.#limit - 1) {
      const item = this.#source.pollNext(context);
      if (item === PENDING || item === END) return;
      const entry = new Ordered<T>(toFuture(item));
      if (this.#oldest === undefined) this.#oldest = entry;
      else this.#others.push(entry);
      this.#running.add(entry);
    }
  }
}

/** See `BaseStream.bufferedUnordered`. */
export class BufferedUnorderedStream<T, E> extends Operator<T, E> {
  readonly #source: Stream<Awaitable<T, E>, E>;
  readonly #limit: number;
  readonly #running = new ReadySet<Future<T>>();
  #sourceIsOver = false;

  constructor(source: Stream<Awaitable<T, E>, E>, limit: number) {
    super();
    this.#source = source;
    this.#limit = limit;
  }

  protected step(context: Context): StreamPoll<T> {
    this.#running.enter(context);
    this.#fill(context);
    for (let slot; (slot = this.#running.take()) !== undefined;) {
      try {
        const value = slot.child.poll(slot);
        if (value === PENDING) continue;
        this.#running.remove(slot);
        return value;
      } catch (error) {
        this.#running.remove(slot);
        throw error;
      }
    }
    return this.#sourceIsOver && this.#running.size === 0 ? END : PENDING;
  }

  protected held(): readonly Cancellable[] {
    return [this.#running, this.#source];
  }

  #fill(context: Context): void {
    while (!this.#sourceIsOver && this.#running.size < this.#limit) {
      const item = this.#source.pollNext(context);
      if (item === PENDING) return;
      if (item === END) this.#sourceIsOver = true;
      else this.#running.add(toFuture(item));
    }
  }
}
