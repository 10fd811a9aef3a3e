/** Resources in coroutines, where `await using` cannot stand: closed however the body ends. */
import { isThenable, misuse } from '../../base/index.ts';
import { shield } from '../combine/attempt.ts';
import type { ValueOf } from '../executor/types.ts';
import {
  Await,
  CoroutineFuture,
  futureOf,
  isCoroutine,
  isFuture,
  ready,
  toFuture,
  type Awaitable,
  type BaseFuture,
  type Coroutine,
  type Future,
} from '../future/index.ts';
import { asOneError } from '../stream/closing.ts';

/** What `use` can close: by `close`, which may give something to wait for, or by disposing of it. */
export type Usable = { close(): unknown } | AsyncDisposable | Disposable;

/**
 * Opens a resource, runs `body` with it, and closes it when the body has ended, failed or was
 * cancelled; waits for the closing, which cannot be cancelled. Gives what the body gives.
 *
 * @throws what the body or the closing throws; AggregateError ERR_TASK_ERRORS when both do
 * @throws {TypeError} ERR_TASK_KIND when there is no way to close it
 * @example
 * yield* use(connect({ host: '127.0.0.1', port: 6379 }), function* (connection) {
 *   yield* connection.writeAll('PING\r\n');
 * });
 */
export function use<R extends Usable, B>(
  resource: Awaitable<R> | R,
  body: (resource: R) => B,
): BaseFuture<ValueOf<() => B>> {
  return new CoroutineFuture(used(resource, body)) as BaseFuture<ValueOf<() => B>>;
}

function* used<R extends Usable>(
  resource: Awaitable<R> | R,
  body: (resource: R) => unknown,
): Coroutine<unknown> {
  const opened = isAwaitable(resource) ? yield* waiting(toFuture(resource)) : resource;
  const close = closerOf(opened);
  const errors: unknown[] = [];
  let value: unknown;
  try {
    value = yield* waiting(futureOf(body(opened), { reason: undefined }));
  } catch (error) {
    errors.push(error);
  } finally {
    try {
      yield* shield(close());
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw asOneError(errors);
  return value;
}

function isAwaitable<R>(resource: Awaitable<R> | R): resource is Awaitable<R> {
  return isFuture(resource) || isThenable(resource) || isCoroutine(resource);
}

function closerOf(resource: Usable): () => Future<unknown> {
  const { close } = resource as { close?: () => unknown };
  const asyncDispose = (resource as Partial<AsyncDisposable>)[Symbol.asyncDispose];
  const dispose = (resource as Partial<Disposable>)[Symbol.dispose];
  const closer = close ?? asyncDispose ?? dispose;
  if (typeof closer !== 'function') {
    throw misuse(
      'ERR_TASK_KIND',
      'Cannot use a resource: it must have close, Symbol.asyncDispose or Symbol.dispose',
    );
  }
  return () => {
    const given: unknown = closer.call(resource);
    return isAwaitable(given) ? toFuture(given) : ready(undefined);
  };
}

function waiting<T>(future: Future<T>): Iterable<never, T, void> {
  return { [Symbol.iterator]: () => new Await(future) } as unknown as Iterable<never, T, void>;
}
