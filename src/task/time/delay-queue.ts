/** Values that come out of a queue when their time has come. */
import {
  booleanOption,
  integerOption,
  misuse,
  rejectUnknown,
  RondoError,
} from '../../base/index.ts';
import { currentExecutor } from '../executor/current.ts';
import { BaseFuture, PENDING, type Context, type Poll } from '../future/index.ts';
import { BaseStream, END, type StreamPoll } from '../stream/index.ts';
import { checkMs } from './options.ts';
import { Sleep } from './sleep.ts';
import { Timers, type TimerEntry } from './timers.ts';

/** How a delay queue is made; all optional. */
export interface DelayQueueOptions {
  /** Items that it may hold at once, 1 to 16,777,216. @default 1,048,576 */
  readonly limit?: number;
  /** Keeps the process alive while an item is waited for. @default true */
  readonly hold?: boolean;
}

/** An item of a delay queue: what `insert` gives, to find it again, and what the queue gives back. */
export class Delayed<T> {
  /** What was inserted. */
  readonly value: T;
  /** When it comes, or came, out of the queue: milliseconds of the executor's clock. */
  readonly deadline: number;

  /** @internal */
  constructor(value: T, deadline: number) {
    this.value = value;
    this.deadline = deadline;
  }
}

/** The queue's side of an item. `timers` is undefined when it is in no queue any more. */
class Item<T> extends Delayed<T> implements TimerEntry {
  declare deadline: number;
  readonly queue: Expired<T>;
  timers: Timers | undefined;
  handle = 0;

  constructor(value: T, deadline: number, queue: Expired<T>, timers: Timers) {
    super(value, deadline);
    this.queue = queue;
    this.timers = timers;
  }

  fire(): void {
    this.timers = undefined;
    this.queue.expired = this;
  }
}

/** Where an item puts itself when its time has come. */
interface Expired<T> {
  expired: Item<T> | undefined;
}

/**
 * A queue whose items come out when their time has come, in the order of their deadlines (to the
 * millisecond, and within one in the order of insertion). A stream that ends while the queue is
 * empty, and goes on when something was inserted. An item costs some 100 bytes; to insert, remove
 * and change one takes the same time whatever number there is. The queue itself takes 20 KiB: keep
 * many items in one queue, not few in many.
 *
 * @example
 * const queue = new DelayQueue<string>();
 * const item = queue.insert('session-1', 30_000);
 * queue.reset(item, 30_000); // It was used: it has another 30 seconds.
 * for (let due; (due = yield* queue.next()) !== END; ) end(due.value);
 */
export class DelayQueue<T> extends BaseStream<Delayed<T>, never> {
  readonly #limit: number;
  readonly #sleep: Sleep;
  readonly #slot: Expired<T> = { expired: undefined };
  #timers: Timers;
  /** Whether the last poll was pending: the waker is the sleep's. */
  #waiting = false;

  /**
   * Its clock is that of the executor where it is made.
   * @throws {TypeError | RangeError} ERR_OPTION_… for options
   */
  constructor(options: DelayQueueOptions = {}) {
    super();
    rejectUnknown('a delay queue', options, ['limit', 'hold']);
    this.#limit = integerOption('limit', options.limit, 2 ** 20, 1, 2 ** 24);
    const hold = booleanOption('hold', options.hold, true);
    this.#sleep = new Sleep(currentExecutor(), 0, hold);
    this.#timers = this.#makeTimers(0);
  }

  /** How many items it holds, those whose time has come included. */
  get length(): number {
    return this.#timers.size;
  }

  /** How many it may hold. */
  get limit(): number {
    return this.#limit;
  }

  /** How many it has memory for at the moment; more is taken as needed. */
  get capacity(): number {
    return this.#timers.capacity;
  }

  /**
   * Adds a value that comes out so many milliseconds from now, 0 to 2^50; gives the item, its key.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for what is no duration
   * @throws {RondoError} ERR_TIMER_LIMIT when the queue is full
   */
  insert(value: T, ms: number): Delayed<T> {
    checkMs('ms', ms, 0);
    return this.#insert(value, this.#sleep.executor.now() + ms);
  }

  /**
   * Adds a value that comes out at this time of the executor's clock, in milliseconds.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for no time
   * @throws {RondoError} ERR_TIMER_LIMIT when the queue is full
   */
  insertAt(value: T, deadline: number): Delayed<T> {
    checkMs('deadline', deadline, 0);
    return this.#insert(value, deadline);
  }

  #insert(value: T, deadline: number): Delayed<T> {
    if (this.#timers.size === this.#limit) {
      throw new RondoError(
        'ERR_TIMER_LIMIT',
        `Cannot insert into a delay queue: it may hold ${this.#limit} items, and it does`,
      );
    }
    const item = new Item(value, deadline, this.#slot, this.#timers);
    item.handle = this.#timers.insert(deadline, item, false);
    return item;
  }

  /** Whether the item is in the queue. */
  has(item: Delayed<T>): boolean {
    return (item as Item<T>).timers === this.#timers;
  }

  /**
   * Takes an item out before its time.
   * @throws {TypeError} ERR_DELAY_ITEM when it is not in the queue
   */
  remove(item: Delayed<T>): T {
    if (!this.tryRemove(item)) throw foreignItem('remove an item from');
    return item.value;
  }

  /** Takes an item out before its time; false when it is not in the queue (any more). */
  tryRemove(item: Delayed<T>): boolean {
    if (!this.has(item)) return false;
    const own = item as Item<T>;
    this.#timers.cancel(own.handle);
    own.timers = undefined;
    if (this.#timers.size === 0) this.#wakeNow();
    return true;
  }

  /**
   * Gives an item so many milliseconds from now, 0 to 2^50.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for what is no duration
   * @throws {TypeError} ERR_DELAY_ITEM when it is not in the queue
   */
  reset(item: Delayed<T>, ms: number): void {
    checkMs('ms', ms, 0);
    this.resetAt(item, this.#sleep.executor.now() + ms);
  }

  /**
   * Gives an item another deadline, in milliseconds of the executor's clock.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for no time
   * @throws {TypeError} ERR_DELAY_ITEM when it is not in the queue
   */
  resetAt(item: Delayed<T>, deadline: number): void {
    checkMs('deadline', deadline, 0);
    if (!this.has(item)) throw foreignItem('change an item of');
    const own = item as Item<T>;
    own.deadline = deadline;
    this.#timers.reset(own.handle, deadline);
  }

  /** The item that comes out next, undefined when the queue is empty. Looks at all near to it. */
  peek(): Delayed<T> | undefined {
    return this.#timers.first() as Item<T> | undefined;
  }

  /** Takes all items out. */
  clear(): void {
    this.#timers.forEach((entry) => {
      (entry as Item<T>).timers = undefined;
    });
    this.#timers = this.#makeTimers(0);
    this.#wakeNow();
  }

  /** Gives back memory that was taken for more items than there are. Looks at all items. */
  compact(): void {
    const old = this.#timers;
    const timers = this.#makeTimers(old.size);
    timers.expire(old.present);
    old.forEach((entry) => {
      const item = entry as Item<T>;
      item.timers = timers;
      item.handle = timers.insert(item.deadline, item, false);
    });
    this.#timers = timers;
    this.#rearm();
  }

  override next(): BaseFuture<Delayed<T> | typeof END, never> {
    return new NextDelayed<T>(this);
  }

  pollNext(context: Context): StreamPoll<Delayed<T>> {
    this.#waiting = false;
    if (!context.proceed()) return PENDING;
    while (this.#timers.size > 0) {
      const now = this.#sleep.executor.now();
      this.#timers.expire(now, 1);
      const item = this.#slot.expired;
      if (item !== undefined) {
        this.#slot.expired = undefined;
        return item;
      }
      const next = this.#timers.nextDeadline();
      if (next <= now) continue; // Items were moved nearer, as many as are moved at once.
      this.#sleep.reset(next);
      if (this.#sleep.poll(context) === PENDING) {
        this.#waiting = true;
        return PENDING;
      }
    }
    this.#sleep.cancel();
    return END;
  }

  override cancel(_context: Context): void {
    this.#waiting = false;
    this.#sleep.cancel();
  }

  #makeTimers(capacity: number): Timers {
    return new Timers(() => this.#rearm(), { limit: this.#limit, capacity });
  }

  /** Who waits is woken for the first item, whichever that is now. */
  #rearm(): void {
    if (this.#waiting) this.#sleep.reset(this.#timers.nextDeadline());
  }

  /** Who waits finds the queue empty. */
  #wakeNow(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#sleep.reset(0);
  }
}

/** The next item. Given up it loses nothing, waits for no time any more, and holds no process. */
class NextDelayed<T> extends BaseFuture<Delayed<T> | typeof END, never> {
  readonly #queue: DelayQueue<T>;

  constructor(queue: DelayQueue<T>) {
    super();
    this.#queue = queue;
  }

  poll(context: Context): Poll<Delayed<T> | typeof END> {
    return this.#queue.pollNext(context);
  }

  cancel(context: Context): void {
    this.#queue.cancel(context);
  }
}

function foreignItem(what: string): TypeError {
  return misuse(
    'ERR_DELAY_ITEM',
    `Cannot ${what} a delay queue: it is not in it (it came out, was removed, or is another's)`,
  );
}
