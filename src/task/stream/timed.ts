/** Combinators that look at the clock. */
import { RondoError } from '../../base/index.ts';
import { PENDING, type Context, type Future } from '../future/index.ts';
import { sleep } from '../time/sleep.ts';
import type { Cancellable } from './closing.ts';
import { Operator } from './operator.ts';
import { END, type Stream, type StreamPoll } from './stream.ts';

/** A stream with one timer at most. */
abstract class TimedStream<T, E> extends Operator<T, E> {
  protected readonly source: Stream<T, E>;
  protected readonly milliseconds: number;
  protected timer: Future<void> | undefined = undefined;

  constructor(source: Stream<T, E>, milliseconds: number) {
    super();
    this.source = source;
    this.milliseconds = milliseconds;
  }

  protected held(): readonly Cancellable[] {
    return this.timer === undefined ? [this.source] : [this.source, this.timer];
  }

  protected stopTimer(context: Context): void {
    this.timer?.cancel?.(context);
    this.timer = undefined;
  }
}

/** See `BaseStream.throttle`. The timer runs from one item to when the next may come. */
export class ThrottleStream<T, E> extends TimedStream<T, E> {
  protected step(context: Context): StreamPoll<T> {
    if (this.timer !== undefined && this.timer.poll(context) === PENDING) return PENDING;
    this.timer = undefined;
    const item = this.source.pollNext(context);
    if (item !== PENDING && item !== END) this.timer = sleep(this.milliseconds);
    return item;
  }
}

/** See `BaseStream.timeout`. The timer runs while an item is waited for. */
export class TimeoutStream<T, E> extends TimedStream<T, E | RondoError> {
  protected step(context: Context): StreamPoll<T> {
    const item = this.source.pollNext(context);
    if (item !== PENDING) {
      this.stopTimer(context);
      return item;
    }
    const timer = (this.timer ??= sleep(this.milliseconds));
    if (timer.poll(context) === PENDING) return PENDING;
    this.timer = undefined;
    const limit = `${this.milliseconds} ms`;
    throw new RondoError(
      'ERR_TASK_TIMEOUT',
      `Cannot wait longer for the next item: ${limit} are over`,
    );
  }
}
