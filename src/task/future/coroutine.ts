/**
 * Generators as futures. A poll resumes the generator; each `yield*` inside polls what it waits
 * for. Cancelling is `return`: `finally` blocks run, and may themselves wait with `yield*`; that
 * cleaning up cannot be cancelled again.
 */
import { misuse } from '../../base/index.ts';
import { CANCELLING, SUSPENDED } from './await.ts';
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

const Stage = {
  RUNNING: 0,
  /** `return` goes on: what the coroutine waited for is still being given up. */
  CANCELLING: 1,
  /** `finally` blocks run: they are resumed as ever. */
  CLEANING: 2,
  OVER: 3,
} as const;

/** A coroutine as a future. */
export class CoroutineFuture<T, E> extends BaseFuture<T, E> {
  readonly #generator: Coroutine<T, E>;
  /**
   * Looked up once: every generator function has a prototype of its own, so that the look-up is
   * slow in programs with more than four of them.
   */
  readonly #next: Coroutine<T, E>['next'];
  #stage: (typeof Stage)[keyof typeof Stage] = Stage.RUNNING;

  constructor(generator: Coroutine<T, E>) {
    super();
    this.#generator = generator;
    this.#next = generator.next;
  }

  poll(context: Context): Poll<T> {
    const outer = enterContext(context);
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
      const { done, value } =
        this.#stage === Stage.CLEANING
          ? this.#generator.next()
          : this.#generator.return(undefined as T);
      if (done === true) {
        this.#stage = Stage.OVER;
        return undefined;
      }
      this.#stage = value === CANCELLING ? Stage.CANCELLING : Stage.CLEANING;
      return PENDING;
    } catch (error) {
      this.#stage = Stage.OVER;
      throw error;
    } finally {
      enterContext(outer);
    }
  }
}

function foreignYield(value: unknown): TypeError {
  const kind = value === null ? 'null' : typeof value;
  return misuse(
    'ERR_TASK_YIELD',
    `Cannot wait for what a coroutine yielded (${kind}): it must wait with yield*, not yield`,
  );
}
