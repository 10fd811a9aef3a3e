import type { Clock } from '../../base/index.ts';
import { ClassQueue } from './class-queue.ts';
import { DeadlineQueue } from './deadline-queue.ts';
import { FeedbackQueue } from './feedback-queue.ts';
import type { ResolvedExecutorOptions } from './options.ts';
import type { RunQueue } from './queue.ts';

/** The queue of a way of scheduling. */
export function makeQueue(options: ResolvedExecutorOptions, clock: Clock): RunQueue {
  if (options.scheduling === 'deadline') {
    return new DeadlineQueue(() => clock.now(), options.horizonMs);
  }
  return options.scheduling === 'feedback' ? new FeedbackQueue() : new ClassQueue();
}
