export { Delayed, DelayQueue, type DelayQueueOptions } from './delay-queue.ts';
export { interval, Interval, type IntervalOptions, type MissedTicks } from './interval.ts';
export { LONGEST_WAIT, type TimersOptions } from './options.ts';
export { sleep, Sleep, sleepUntil, type SleepOptions } from './sleep.ts';
export { Timers, type TimerEntry } from './timers.ts';
