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

const Stage = { FRESH: 0, RUNNING: 1, CANCELLING: 2, OVER: 3 } as const;

/** A coroutine as a future. */
export class CoroutineFuture<T, E> extends BaseFuture<T, E> {
  readonly #generator: Coroutine<T, E>;
  /**
   * Looked up once: every generator function has a prototype of its own, so that the look-up is
   * slow in programs with more than four of them.
   */
  readonly #next: Coroutine<T, E>['next'];
  #stage: number = Stage.FRESH;

  constructor(generator: Coroutine<T, E>) {
    super();
    this.#generator = generator;
    this.#next = generator.next;
  }

  poll(context: Context): Poll<T> {
    const outer = enterContext(context);
    this.#stage = Stage.RUNNING;
    try {
      let step = this.#next.call(this.#generator);
      // Thrown where it was yielded: the coroutine cleans up, and the stack names the line.
      if (step.done !== true && step.value !== SUSPENDED) {
        step = this.#generator.throw(foreignYield(step.value));
      }
      return step.done === true ? step.value : PENDING;
    } finally {
      enterContext(outer);
    }
  }

  cancel(context: Context): Poll<void> {
    if (this.#stage === Stage.OVER) return undefined;
    const outer = enterContext(context);
    try {
      if (this.#cancelStep(context).done !== true) return PENDING;
    } catch (error) {
      this.#stage = Stage.OVER;
      if (!(error instanceof CancelledError)) throw error;
    } finally {
      enterContext(outer);
    }
    this.#stage = Stage.OVER;
    return undefined;
  }

  #cancelStep(context: Context): IteratorResult<unknown, T> {
    const generator = this.#generator;
    const stage = this.#stage;
    this.#stage = Stage.CANCELLING;
    if (stage === Stage.FRESH || context.isGraceOver === true) {
      return generator.return(undefined as T);
    }
    return stage === Stage.CANCELLING ? this.#next.call(generator) : this.#throw(context);
  }

  #throw(context: Context): IteratorResult<unknown, T> {
    return this.#generator.throw(cancellation('a coroutine', context.reason));
  }
}

function foreignYield(value: unknown): TypeError {
  const kind = value === null ? 'null' : typeof value;
  return misuse(
    'ERR_TASK_YIELD',
    `Cannot wait for what a coroutine yielded (${kind}): it must wait with yield*, not yield`,
  );
}
