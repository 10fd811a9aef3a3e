export { AGING, POLLS_UNTIL_SERVED, PRIORITIES, type Priority } from './class-queue.ts';
export { currentExecutor, enterExecutor, provideExecutor, runningExecutor } from './current.ts';
export { Executor, LIFO_POLLS, spawn } from './executor.ts';
export type { Host, TurnTime } from './host.ts';
export { NodeHost } from './node-host.ts';
export type { ExecutorOptions, Scheduling } from './options.ts';
export { provideDoor, type RemoteDoor } from './remote-door.ts';
export { postToInbox, wakeRemote, type InboxAddress, type RemoteWaker } from './remote-waker.ts';
export {
  openRemoteWaker,
  type MessageListener,
  type Remote,
  type RemoteWakerHandle,
} from './remote.ts';
export { Task, TaskState } from './task.ts';
export type {
  Checked,
  ErrorOf,
  JoinHandle,
  Spawnable,
  SpawnOptions,
  TaskInfo,
  ValueOf,
} from './types.ts';
