/** Channels, locks and the like for the tasks of one thread. */
export { Barrier } from './barrier.ts';
export {
  broadcast,
  LaggedError,
  type BroadcastReceiver,
  type BroadcastSender,
  type SubscribeOptions,
} from './broadcast.ts';
export type { GuardedBody } from './guarded.ts';
export { mpsc, unboundedMpsc, type UnboundedOptions } from './mpsc.ts';
export type { Receiver } from './mpsc-receiver.ts';
export type { Sender, SendOutcome, SendPermit, UnboundedSender } from './mpsc-sender.ts';
export { Mutex, type MutexGuard } from './mutex.ts';
export { Notify, type Notified } from './notify.ts';
export { OnceCell } from './once-cell.ts';
export { oneshot, type OneshotReceiver, type OneshotSender } from './oneshot.ts';
export { RwLock, type ReadGuard, type RwLockOptions, type WriteGuard } from './rw-lock.ts';
export { Semaphore, type SemaphorePermit } from './semaphore.ts';
export { watch, type WatchReceiver, type WatchSender } from './watch.ts';
