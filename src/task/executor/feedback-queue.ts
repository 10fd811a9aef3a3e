/**
 * Classes that tasks move between by what they use (a multi-level feedback queue): who uses up
 * polls sinks, who waits most of the time rises again, never above the class it was spawned with.
 * The bound of `ClassQueue` holds for the class that a task is in at the moment.
 */
import { ClassQueue, CLASSES } from './class-queue.ts';
import type { Task } from './task.ts';

/** Polls in a row that used their whole budget after which a task sinks. */
export const POLLS_TO_SINK = 2;

/** Polls in a row that ended early after which a task rises. */
export const POLLS_TO_RISE = 8;

export class FeedbackQueue extends ClassQueue {
  override ran(task?: Task, exhausted = false): void {
    if (task === undefined) return;
    if (exhausted) {
      task.credit = Math.min(task.credit, 0) - 1;
      if (task.credit > -POLLS_TO_SINK) return;
      task.credit = 0;
      if (task.level < CLASSES - 1) task.level += 1;
    } else if (task.level > task.priorityLevel) {
      task.credit = Math.max(task.credit, 0) + 1;
      if (task.credit < POLLS_TO_RISE) return;
      task.credit = 0;
      task.level -= 1;
    } else {
      task.credit = 0;
    }
  }
}
