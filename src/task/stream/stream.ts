/**
 * The contract of streams: values that come one after the other, each when it is asked for.
 *
 *  1. `pollNext` gives the next item, `END`, or `PENDING` (then it has kept the waker of this poll
 *     and will wake it), or throws. A stream that ended or threw is over and is not polled again;
 *     those of the library give `END` if they are.
 *  2. A stream belongs to one consumer, which asks for one item at a time. What was begun for an
 *     item stays in the stream when the consumer stops asking: no item is lost by giving up `next`.
 *  3. Who gives a stream up before it is over calls `cancel`, where there is one, until it returns
 *     something else than `PENDING`; then the stream is over and holds nothing any more. `cancel`
 *     of a stream that is over does nothing.
 */
import type { Context, Poll } from '../future/index.ts';

/** What `pollNext` returns when there are no more items. */
export const END: unique symbol = Symbol('rondo.end');

/** The next item of a stream, `END` or `PENDING`. */
export type StreamPoll<T> = Poll<T> | typeof END;

/** Values that come one after the other. `E` is what `pollNext` may throw, as far as it is known. */
export interface Stream<T, E = unknown> {
  /** See rules 1 and 2 above. */
  pollNext(context: Context): StreamPoll<T>;
  /** See rule 3. Absent where giving up needs nothing. */
  cancel?(context: Context): Poll<void>;
  /** Never there: carries `E` through inference. */
  readonly '~error'?: E;
}
