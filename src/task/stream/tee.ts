/**
 * One source for two streams. Each branch has a queue of its own; the source is asked when a
 * branch with an empty queue is, and only while every open branch has room.
 *
 * The source is polled with a waker of the hub, not of the branch that happened to ask: if that
 * one stopped waiting, the other would never hear of the item.
 */
import { PENDING, type Context, type Poll, type Waker } from '../future/index.ts';
import { Deque } from '../sync/deque.ts';
import { BaseStream } from './base.ts';
import { Pipe } from './operator.ts';
import { END, type Stream, type StreamPoll } from './stream.ts';

/** The source, and for which branch the last item is. What the test throws ends it. */
class Routed<T, E> extends Pipe<T, T, E> {
  /** Undefined when it is for both. */
  branch: number | undefined = undefined;
  readonly #test: ((item: T) => boolean) | undefined;

  constructor(source: Stream<T, E>, test: ((item: T) => boolean) | undefined) {
    super(source);
    this.#test = test;
  }

  protected step(context: Context): StreamPoll<T> {
    const item = this.source.pollNext(context);
    if (item === PENDING || item === END || this.#test === undefined) return item;
    this.branch = this.#test(item) ? 0 : 1;
    return item;
  }
}

class Hub<T, E> implements Context, Waker {
  readonly branches: Branch<T, E>[] = [];
  readonly #source: Routed<T, E>;
  readonly #capacity: number;
  /** The poll that goes on: whose budget is used. */
  #context: Context | undefined = undefined;
  #isOver = false;
  #failure: { error: unknown } | undefined = undefined;

  constructor(source: Routed<T, E>, capacity: number) {
    this.#source = source;
    this.#capacity = capacity;
  }

  /** For a branch whose queue is empty: fills it, if it can. */
  pull(branch: Branch<T, E>, context: Context): StreamPoll<T> {
    this.#context = context;
    while (branch.queue.length === 0) {
      if (this.#isOver) return this.#outcome(branch);
      branch.keep(context);
      if (!this.#hasRoom()) return PENDING;
      const item = this.#poll();
      if (item === PENDING) return PENDING;
      if (item !== END) this.#give(item, branch);
      if (!context.proceed()) return PENDING;
    }
    branch.forget();
    return branch.queue.shift();
  }

  /** A branch was given up. With the last one, so is the source. */
  leave(context: Context): Poll<void> {
    if (this.branches.some((branch) => !branch.isOver)) {
      this.wakeByRef(); // It may have been the full one.
      return undefined;
    }
    return this.#source.cancel(context);
  }

  /** A full queue has room again. */
  madeRoom(queue: Deque<T>): void {
    if (queue.length === this.#capacity - 1) this.wakeByRef();
  }

  get waker(): Waker {
    return this;
  }

  get reason(): unknown {
    return this.#context?.reason;
  }

  get isGraceOver(): boolean {
    return this.#context?.isGraceOver === true;
  }

  proceed(): boolean {
    if (this.#context?.proceed() !== false) return true;
    this.wakeByRef();
    return false;
  }

  wake(): void {
    this.wakeByRef();
  }

  wakeByRef(): void {
    for (const branch of this.branches) branch.wake();
  }

  clone(): Waker {
    return this;
  }

  drop(): void {
    // The hub's wakers are not counted: each branch keeps the one of its task.
  }

  willWake(other: Waker): boolean {
    return other === this;
  }

  #hasRoom(): boolean {
    return this.branches.every((branch) => branch.isOver || branch.queue.length < this.#capacity);
  }

  #poll(): StreamPoll<T> {
    try {
      const item = this.#source.pollNext(this);
      if (item === END) this.#end();
      return item;
    } catch (error) {
      this.#failure = { error };
      this.#end();
      return END;
    }
  }

  #end(): void {
    this.#isOver = true;
    this.wakeByRef();
  }

  #give(item: T, asking: Branch<T, E>): void {
    const { branch: only } = this.#source;
    this.branches.forEach((branch, index) => {
      if (branch.isOver || (only !== undefined && only !== index)) return;
      branch.queue.push(item);
      if (branch !== asking) branch.wake();
    });
  }

  #outcome(branch: Branch<T, E>): typeof END {
    branch.isOver = true;
    branch.forget();
    if (this.#failure !== undefined) throw this.#failure.error;
    return END;
  }
}

class Branch<T, E> extends BaseStream<T, E> {
  readonly queue: Deque<T> = new Deque<T>();
  /** Ended, or given up. */
  isOver = false;
  readonly #hub: Hub<T, E>;
  #waker: Waker | undefined = undefined;
  #isLeaving = false;

  constructor(hub: Hub<T, E>) {
    super();
    this.#hub = hub;
  }

  pollNext(context: Context): StreamPoll<T> {
    if (this.queue.length === 0) return this.isOver ? END : this.#hub.pull(this, context);
    if (!context.proceed()) return PENDING;
    const item = this.queue.shift();
    this.#hub.madeRoom(this.queue);
    return item;
  }

  override cancel(context: Context): Poll<void> {
    if (this.isOver && !this.#isLeaving) return undefined;
    this.isOver = true;
    this.#isLeaving = false;
    this.queue.clear();
    this.forget();
    const left = this.#hub.leave(context);
    this.#isLeaving = left === PENDING;
    return left;
  }

  /** Keeps the waker of this poll until it is woken or has its item. */
  keep(context: Context): void {
    if (this.#waker?.willWake(context.waker) === true) return;
    this.forget();
    this.#waker = context.waker.clone();
  }

  forget(): void {
    this.#waker?.drop();
    this.#waker = undefined;
  }

  wake(): void {
    const waker = this.#waker;
    this.#waker = undefined;
    waker?.wake();
  }
}

/** Two branches of a stream: see `BaseStream.tee` and, with a test, `BaseStream.split`. */
export function branches<T, E>(
  source: Stream<T, E>,
  capacity: number,
  test?: (item: T) => boolean,
): [BaseStream<T, E>, BaseStream<T, E>] {
  const hub = new Hub<T, E>(new Routed(source, test), capacity);
  const pair: [Branch<T, E>, Branch<T, E>] = [new Branch(hub), new Branch(hub)];
  hub.branches.push(...pair);
  return pair;
}
