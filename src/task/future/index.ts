export { Await } from './await.ts';
export { BaseFuture, provideLauncher } from './base.ts';
export {
  futureOf,
  isFuture,
  pollFn,
  ready,
  toFuture,
  unconstrained,
  yieldNow,
  type Awaitable,
} from './basic.ts';
export { cancelStep, CoroutineFuture, isCoroutine, isPlainCoroutine, resume } from './coroutine.ts';
export { currentContext, enterContext } from './current.ts';
export {
  PENDING,
  type Context,
  type Coroutine,
  type Future,
  type Poll,
  type Suspension,
  type Waker,
} from './future.ts';
export { keepWaker } from './keep-waker.ts';
export { fromPromise, PromiseFuture } from './promise.ts';
export { wakerFrom, type WakerOperations } from './waker.ts';
