/** What decides which task is polled next. One suite runs on all implementations. */
import type { Task } from './task.ts';

/**
 * The tasks that are ready. A task is in it at most once; how many there can be is bounded by the
 * executor's limit of tasks. Every implementation states how long a ready task can be passed over.
 */
export interface RunQueue {
  /** How many tasks are ready. */
  readonly size: number;
  /** Whether a task of this queue that was woken by the running one may overtake the others. */
  readonly overtaking: boolean;
  push(task: Task): void;
  /** Takes the next task: its slot, -1 when none is ready. */
  pop(): number;
  /** True when `task` is to be polled before everything that is in the queue, by its class. */
  isFirst(task: Task): boolean;
  /** Told after each poll: whether it ended because its budget was used up, and its cost. */
  ran(task: Task, exhausted: boolean): void;
}
