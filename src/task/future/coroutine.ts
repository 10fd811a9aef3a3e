/**
 * Generators as futures. A poll resumes the generator; each `yield*` inside polls what it waits for.
 *
 * Cancelling throws a `CancelledError` where the coroutine waits, once: `finally` blocks run, and may
 * themselves wait. (`return` would be the stricter way, as nothing can catch it. But JavaScript
 * forgets it: when a `finally` block inside of `yield* inner()` waits, the caller of `inner` goes on
 * afterwards as if nothing had happened.) A coroutine that catches the error and carries on has
 * until its task's grace is over; then it is ended by `return` at every wait that it comes to.
 */
import { misuse } from '../../base/index.ts';
import { cancellation, CancelledError } from '../errors.ts';
import { SUSPENDED } from './await.ts';
import { BaseFuture } from './base.ts';
import { enterContext } from './current.ts';
import { PENDING, type Context, type Coroutine, type Poll } from './future.ts';

/** Whether something is a generator object (not a generator function). */
export function isCoroutine(value: unknown): value is Coroutine<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { next?: unknown }).next === 'function' &&
    typeof (value as { return?: unknown }).return === 'function' &&
    typeof (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] === 'function'
  );
}

/** `next` of all generators; those of other make (with a `next` of their own) are wrapped. */
// oxlint-disable-next-line unbound-method -- It is called with the generator, see `resume`.
const { next: generatorNext } = Object.getPrototypeOf(
  Object.getPrototypeOf((function* () {})()),
) as Coroutine<unknown>;

/** Yields of something else in a row after which a coroutine is ended. */
const REFUSALS = 16;

/** Whether it can be given to `resume`: a generator as the language makes them. */
export function isPlainCoroutine(value: unknown): value is Coroutine<unknown> {
  return isCoroutine(value) && value.next === generatorNext;
}

/**
 * Resumes a generator, inside of its context. Its own `next` is not looked up: every generator
 * function has a prototype of its own, so that it is slow in programs with more than four of them.
 */
export function resume(generator: Coroutine<unknown>): Poll<unknown> {
  const step = generatorNext.call(generator) as IteratorResult<unknown, unknown>;
  if (step.done === true) return step.value;
  return step.value === SUSPENDED ? PENDING : refuse(generator, step);
}

/**
 * Thrown where it was yielded: the coroutine cleans up, and the stack names the line. Nobody would
 * wake it, so it is refused as often as it comes, the cleaning up included.
 */
function refuse(
  generator: Coroutine<unknown>,
  first: IteratorResult<unknown, unknown>,
): Poll<unknown> {
  let step = first;
  for (let refused = 0; step.done !== true && step.value !== SUSPENDED; refused++) {
    if (refused === REFUSALS) return endAbruptly(generator, step.value);
    step = generator.throw(foreignYield(step.value));
  }
  return step.done === true ? step.value : PENDING;
}

/** One that catches the error and yields again, without end, has no next wait to be ended at. */
function endAbruptly(generator: Coroutine<unknown>, yielded: unknown): never {
  generator.return(undefined);
  throw foreignYield(yielded);
}

/**
 * One step of cancelling a generator, inside of its context. `wasThrown` after the first step. An
 * error of its cleaning up is thrown.
 */
export function cancelStep(
  generator: Coroutine<unknown>,
  wasThrown: boolean,
  context: Context,
): Poll<void> {
  try {
    const step = cancelled(generator, wasThrown, context);
    if (step.done === true) return undefined;
    if (step.value !== SUSPENDED && refuse(generator, step) !== PENDING) return undefined;
    return PENDING;
  } catch (error) {
    if (error instanceof CancelledError) return undefined;
    throw error;
  }
}

function cancelled(
  generator: Coroutine<unknown>,
  wasThrown: boolean,
  context: Context,
): IteratorResult<unknown, unknown> {
  if (context.isGraceOver === true) return generator.return(undefined);
  if (wasThrown) return generator.next();
  return generator.throw(cancellation('a coroutine', context.reason));
}

/** A coroutine as a future. */
export class CoroutineFuture<T, E> extends BaseFuture<T, E> {
  /** Undefined when it is over. */
  #generator: Coroutine<unknown> | undefined;
  #thrown = false;

  constructor(generator: Coroutine<T, E>) {
    super();
    this.#generator = isPlainCoroutine(generator) ? generator : wrapped(generator);
  }

  poll(context: Context): Poll<T> {
    const outer = enterContext(context);
    try {
      return resume(this.#generator!) as Poll<T>;
    } finally {
      enterContext(outer);
    }
  }

  cancel(context: Context): Poll<void> {
    const generator = this.#generator;
    if (generator === undefined) return undefined;
    const outer = enterContext(context);
    this.#generator = undefined;
    try {
      if (cancelStep(generator, this.#thrown, context) !== PENDING) return undefined;
      this.#thrown = true;
      this.#generator = generator;
      return PENDING;
    } finally {
      enterContext(outer);
    }
  }
}

function* wrapped<T, E>(generator: Coroutine<T, E>): Coroutine<T, E> {
  return yield* generator;
}

function foreignYield(value: unknown): TypeError {
  const kind = value === null ? 'null' : typeof value;
  return misuse(
    'ERR_TASK_YIELD',
    `Cannot wait for what a coroutine yielded (${kind}): it must wait with yield*, not yield`,
  );
}
