/** What the programs use of Rondo; the thread's default executor runs it, in Node's event loop. */
export {
  BaseFuture,
  type Context,
  type Coroutine,
  currentExecutor,
  type Future,
  type JoinHandle,
  oneshot,
  PENDING,
  type Poll,
  sleep,
  spawn,
  TaskSet,
  toFuture,
  type Waker,
  yieldNow,
} from '../../../../src/index.ts';
