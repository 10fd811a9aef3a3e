/** Operations on paths, done by a promise, as futures. */
import { Errno, RondoError, SystemError } from '../base/index.ts';
import {
  BaseFuture,
  fromPromise,
  PENDING,
  type Context,
  type Future,
  type Poll,
} from '../task/index.ts';
import type { FileError } from './errors.ts';

/** What is done, and how it is undone when nobody wants the result any more. */
export interface PathWork<T> {
  readonly run: () => Promise<T>;
  readonly undo?: (result: T) => Promise<unknown>;
}

/**
 * Begins at its first poll. Node's thread pool takes nothing back: giving it up waits for its end,
 * and undoes what left something behind.
 */
export class PathFuture<T> extends BaseFuture<T, FileError> {
  readonly #action: string;
  readonly #path: string;
  readonly #work: PathWork<T>;
  #inner: Future<T> | undefined = undefined;
  #undoing: Future<unknown> | undefined = undefined;
  #isOver = false;

  constructor(action: string, path: string, work: PathWork<T>) {
    super();
    this.#action = action;
    this.#path = path;
    this.#work = work;
  }

  poll(context: Context): Poll<T> {
    if (this.#inner === undefined) {
      if (!context.proceed()) return PENDING;
      this.#inner = fromPromise(this.#work.run());
    }
    try {
      const value = this.#inner.poll(context);
      if (value !== PENDING) this.#isOver = true;
      return value;
    } catch (error) {
      this.#isOver = true;
      throw systemError(this.#action, this.#path, error);
    }
  }

  cancel(context: Context): Poll<void> {
    if (this.#isOver || this.#inner === undefined) return undefined;
    try {
      if (this.#undoing === undefined) {
        const value = this.#inner.poll(context);
        if (value === PENDING) return PENDING;
        this.#undoing = fromPromise(this.#work.undo?.(value) ?? Promise.resolve());
      }
      if (this.#undoing.poll(context) === PENDING) return PENDING;
    } catch {
      // It left nothing, or nothing that could be undone; nobody is there to be told.
    }
    this.#isOver = true;
    return undefined;
  }
}

const ERRNOS: ReadonlyMap<string, number> = new Map(Object.entries(Errno));

/** Node's errors as the runtime's; others as they are. */
export function systemError(action: string, path: string, error: unknown): unknown {
  if (error instanceof RondoError) return error;
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  const known = typeof code === 'string' ? ERRNOS.get(code.replace('ERR_FS_', '')) : undefined;
  if (known !== undefined) return new SystemError(action, known, path);
  return typeof errno === 'number' ? new SystemError(action, Math.abs(errno), path) : error;
}
