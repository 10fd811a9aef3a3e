/** The smallest futures. */
import { BaseFuture } from './base.ts';
import { CoroutineFuture, isCoroutine } from './coroutine.ts';
import { PENDING } from './future.ts';
import type { Context, Coroutine, Future, Poll, Waker } from './future.ts';
import { fromPromise, OwnedPromise } from './promise.ts';
import { isThenable, misuse } from '../../base/index.ts';

class Ready<T> extends BaseFuture<T, never> {
  readonly #value: T;
  constructor(value: T) {
    super();
    this.#value = value;
  }
  poll(): Poll<T> {
    return this.#value;
  }
}

/** A future that has its value already. */
export function ready<T>(value: T): BaseFuture<T, never> {
  return new Ready(value);
}

class PollFn<T, E> extends BaseFuture<T, E> {
  readonly #poll: (context: Context) => Poll<T>;
  readonly #cancel: ((context: Context) => Poll<void>) | undefined;
  constructor(
    poll: (context: Context) => Poll<T>,
    cancel: ((context: Context) => Poll<void>) | undefined,
  ) {
    super();
    this.#poll = poll;
    this.#cancel = cancel;
  }
  poll(context: Context): Poll<T> {
    return this.#poll(context);
  }
  cancel(context: Context): Poll<void> {
    return this.#cancel?.(context);
  }
}

/** A future from a function that is called at each poll, and one for giving it up. */
export function pollFn<T, E = unknown>(
  poll: (context: Context) => Poll<T>,
  cancel?: (context: Context) => Poll<void>,
): BaseFuture<T, E> {
  return new PollFn<T, E>(poll, cancel);
}

class YieldNow extends BaseFuture<void, never> {
  #yielded = false;
  poll(context: Context): Poll<void> {
    if (this.#yielded) return undefined;
    this.#yielded = true;
    context.waker.wakeByRef();
    return PENDING;
  }
}

/** Lets the other tasks that are ready go first. */
export function yieldNow(): BaseFuture<void, never> {
  return new YieldNow();
}

class Unconstrained<T, E> extends BaseFuture<T, E> {
  readonly #future: Future<T, E>;
  readonly #context = new Unlimited();
  constructor(future: Future<T, E>) {
    super();
    this.#future = future;
  }
  poll(context: Context): Poll<T> {
    this.#context.outer = context;
    return this.#future.poll(this.#context);
  }
  cancel(context: Context): Poll<void> {
    this.#context.outer = context;
    return this.#future.cancel?.(this.#context);
  }

  takeBack(value: T): Future<unknown> | undefined {
    return this.#future.takeBack?.(value);
  }
}

/** The context of the poll that is under way, but for the budget. */
class Unlimited implements Context {
  outer!: Context;
  get waker(): Waker {
    return this.outer.waker;
  }
  get reason(): unknown {
    return this.outer.reason;
  }
  get isGraceOver(): boolean {
    return this.outer.isGraceOver === true;
  }
  proceed(): boolean {
    return true;
  }
}

/** The same future without a budget: it may go on for as long as there is something to do. */
export function unconstrained<T, E>(future: Awaitable<T, E>): BaseFuture<T, E> {
  return new Unconstrained(toFuture(future));
}

/** What can be run as a future: a future, a coroutine, or a promise. */
export type Awaitable<T, E = unknown> = Future<T, E> | Coroutine<T, E> | PromiseLike<T>;

/**
 * The future of something that can be awaited.
 * @throws {TypeError} ERR_TASK_KIND for anything else
 */
export function toFuture<T, E>(source: Awaitable<T, E>): Future<T, E> {
  if (isFuture(source)) return source;
  if (isCoroutine(source)) return new CoroutineFuture(source);
  if (isThenable(source)) return fromPromise(source) as Future<T, E>;
  let hint = '';
  if (typeof source === 'function') {
    hint = isGeneratorFunction(source) ? ', call the function* first' : ', call it first';
  }
  throw misuse(
    'ERR_TASK_KIND',
    `Cannot run ${describe(source)}: it must be a future, a coroutine or a promise${hint}`,
  );
}

/**
 * The future of what a function gave that was started for a task or scope: anything that can be
 * awaited, and plain values too. `owner.reason` is why it was asked to stop.
 */
export function futureOf(given: unknown, owner: { readonly reason: unknown }): Future<unknown> {
  if (isFuture(given)) return given;
  if (isCoroutine(given)) return new CoroutineFuture(given);
  return isThenable(given) ? new OwnedPromise(given, owner) : ready(given);
}

/** Whether something has `poll`. */
export function isFuture(value: unknown): value is Future<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { poll?: unknown }).poll === 'function'
  );
}

function isGeneratorFunction(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object GeneratorFunction]';
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'function' ? 'a function' : `a ${typeof value}`;
}
