/** Waiting for something that everybody who waits may see: all look again when it may be so. */
import { BaseFuture, PENDING, type Context, type Poll, type Waker } from '../future/index.ts';
import { END } from '../stream/index.ts';
import { Stage, Waiter, WaitList } from './wait-list.ts';

/** Who waits for a condition. */
export class Audience {
  /** Shared by the receivers of one channel. Whoever may have made it true settles all in it. */
  readonly waiting: WaitList;
  /** Places that wait for this condition, as opposed to others with the same list. */
  places: number = 0;

  constructor(waiting: WaitList = new WaitList()) {
    this.waiting = waiting;
  }

  /** All look again. */
  tell(): void {
    this.waiting.settleAll(Stage.GRANTED);
  }
}

/** What is waited for. */
export interface Condition<T> {
  readonly audience: Audience;
  isReady(): boolean;
  /** Called when ready, once for each that waits: takes it, or throws. */
  take(): T;
}

/** What holds the place of one that waits: a future, or a stream between two items. */
export interface Place {
  waiter: Waiter | undefined;
}

/** Polls a condition on behalf of a place. Takes one unit of the budget when it gives something. */
export function pollCondition<T>(condition: Condition<T>, place: Place, context: Context): Poll<T> {
  while (!condition.isReady()) {
    const waiter = place.waiter ?? joinAudience(condition.audience, place);
    if (waiter.stage !== Stage.WAITING) condition.audience.waiting.push(waiter);
    waiter.keep(context.waker);
    // Otherwise it became true while the waker was cloned.
    if (waiter.stage === Stage.WAITING) return PENDING;
  }
  if (!context.proceed()) return PENDING;
  const waker = detachPlace(condition.audience, place);
  try {
    return condition.take();
  } finally {
    waker?.drop();
  }
}

/** Stops waiting. */
export function leavePlace(audience: Audience, place: Place): void {
  detachPlace(audience, place)?.drop();
}

function joinAudience(audience: Audience, place: Place): Waiter {
  audience.places += 1;
  return (place.waiter = new Waiter(1));
}

function detachPlace(audience: Audience, place: Place): Waker | undefined {
  const waiter = place.waiter;
  if (waiter === undefined) return undefined;
  place.waiter = undefined;
  audience.places -= 1;
  return waiter.detach();
}

/** Waits until a condition is true, and takes it. Giving it up leaves everything as it was. */
export class UntilReady<T, E> extends BaseFuture<T, E> {
  /** @internal */
  readonly condition: Condition<T>;
  /** @internal */
  waiter: Waiter | undefined = undefined;

  constructor(condition: Condition<T>) {
    super();
    this.condition = condition;
  }

  poll(context: Context): Poll<T> {
    return pollCondition(this.condition, this, context);
  }

  cancel(): void {
    leavePlace(this.condition.audience, this);
  }
}

/** The same for the sources of streams: the next item, undefined where a stream has END. */
export class UntilItem<T, E> extends BaseFuture<T | undefined, E> {
  /** @internal */
  readonly source: Condition<T | typeof END>;
  /** @internal */
  waiter: Waiter | undefined = undefined;

  constructor(source: Condition<T | typeof END>) {
    super();
    this.source = source;
  }

  poll(context: Context): Poll<T | undefined> {
    const item = pollCondition(this.source, this, context);
    return item === END ? undefined : item;
  }

  cancel(): void {
    leavePlace(this.source.audience, this);
  }
}

/** Something that becomes true: that the other side of a channel is gone, for instance. */
export class Flag implements Condition<void> {
  readonly audience: Audience = new Audience();
  isSet: boolean = false;

  set(): void {
    this.isSet = true;
    this.audience.tell();
  }

  isReady(): boolean {
    return this.isSet;
  }

  take(): void {}

  /** Waits until it is set. */
  wait(): BaseFuture<void, never> {
    return new UntilReady<void, never>(this);
  }
}
