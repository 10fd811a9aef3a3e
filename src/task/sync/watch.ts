/** A value that changes, and those who follow it: only the latest counts. */
import { misuse, RondoError, show } from '../../base/index.ts';
import { PENDING, type BaseFuture, type Context, type Poll } from '../future/index.ts';
import { BaseStream, END, type StreamPoll } from '../stream/index.ts';
import {
  Audience,
  Flag,
  leavePlace,
  pollCondition,
  UntilReady,
  type Condition,
} from './condition.ts';
import type { Waiter } from './wait-list.ts';

class Subject<T> {
  value: T;
  /** Counts the values; a receiver knows which it has seen. */
  version = 0;
  senders = 1;
  receivers = 0;
  readonly audience = new Audience();
  /** That nobody receives; unset by a new receiver. */
  readonly deserted = new Flag();

  constructor(value: T) {
    this.value = value;
  }

  set(value: T): void {
    this.value = value;
    this.version += 1;
    this.audience.tell();
  }
}

function closedError(): RondoError {
  return new RondoError('ERR_CHANNEL_CLOSED', 'Cannot wait for a change: all senders are closed');
}

/** Changes the value of a watch channel. */
export class WatchSender<T> implements Disposable {
  readonly #subject: Subject<T>;
  #isOver = false;

  /** @internal */
  constructor(subject: Subject<T>) {
    this.#subject = subject;
  }

  /** The latest value. */
  get value(): T {
    return this.#subject.value;
  }

  /** How many receivers there are. */
  get receivers(): number {
    return this.#subject.receivers;
  }

  /** How many wait for a change. */
  get waiters(): number {
    return this.#subject.audience.waiting.length;
  }

  /** Whether a change reaches nobody: this sender was closed, or there is no receiver now. */
  get isClosed(): boolean {
    return this.#isOver || this.#subject.receivers === 0;
  }

  /**
   * Sets the value and tells the receivers, also when it is the same as before. False, and the
   * value stays, when there is no receiver or this sender was closed; `replace` sets it always.
   */
  send(value: T): boolean {
    if (this.isClosed) return false;
    this.#subject.set(value);
    return true;
  }

  /**
   * Sets the value, receivers or not, and gives the one before.
   * @throws {TypeError} ERR_CHANNEL_CLOSED when this sender was closed
   */
  replace(value: T): T {
    this.#refuseWhenOver('change the value by');
    const before = this.#subject.value;
    this.#subject.set(value);
    return before;
  }

  /**
   * Sets the value to what `change` makes of it, receivers or not. Tells the receivers unless that
   * is identical to the value before (`Object.is`); says whether it did. When `change` throws,
   * nothing is changed. An object that was changed in place is told of with `replace`.
   * @throws {TypeError} ERR_CHANNEL_CLOSED when this sender was closed
   */
  update(change: (value: T) => T): boolean {
    this.#refuseWhenOver('change the value by');
    const subject = this.#subject;
    const value = change(subject.value);
    if (Object.is(value, subject.value)) return false;
    subject.set(value);
    return true;
  }

  /**
   * A new receiver, which has seen the value there is now.
   * @throws {TypeError} ERR_CHANNEL_CLOSED when this sender was closed
   */
  subscribe(): WatchReceiver<T> {
    this.#refuseWhenOver('subscribe to');
    return new WatchReceiver(this.#subject, this.#subject.version);
  }

  /** Waits until there is no receiver. Give it up at any time. */
  closed(): BaseFuture<void, never> {
    return this.#subject.deserted.wait();
  }

  /**
   * Another sender of the channel, to be closed on its own.
   * @throws {TypeError} ERR_CHANNEL_CLOSED when this one was closed
   */
  clone(): WatchSender<T> {
    this.#refuseWhenOver('clone');
    this.#subject.senders += 1;
    return new WatchSender(this.#subject);
  }

  /** This sender changes nothing any more; with the last one the channel ends. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#subject.senders -= 1;
    if (this.#subject.senders === 0) this.#subject.audience.tell();
  }

  /** The same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #refuseWhenOver(what: string): void {
    if (this.#isOver) {
      throw misuse('ERR_CHANNEL_CLOSED', `Cannot ${what} a sender: it was closed`);
    }
  }
}

/** What a receiver has seen. As a condition: that there is something it has not. */
class View<T> implements Condition<T> {
  readonly subject: Subject<T>;
  readonly audience: Audience;
  seen: number;
  isOver = false;

  constructor(subject: Subject<T>, seen: number) {
    this.subject = subject;
    this.audience = new Audience(subject.audience.waiting);
    this.seen = seen;
  }

  get hasChanged(): boolean {
    return !this.isOver && this.seen !== this.subject.version;
  }

  get isClosed(): boolean {
    return this.isOver || this.subject.senders === 0;
  }

  isReady(): boolean {
    return this.hasChanged || this.isClosed;
  }

  take(): T {
    if (!this.hasChanged) throw closedError();
    return this.see();
  }

  see(): T {
    this.seen = this.subject.version;
    return this.subject.value;
  }
}

/** The same as the source of a stream. */
class Changes<T> implements Condition<T | typeof END> {
  readonly audience: Audience;
  readonly #view: View<T>;

  constructor(view: View<T>) {
    this.audience = view.audience;
    this.#view = view;
  }

  isReady(): boolean {
    return this.#view.isReady();
  }

  take(): T | typeof END {
    return this.#view.hasChanged ? this.#view.see() : END;
  }
}

class Fitting<T> implements Condition<T> {
  readonly audience: Audience;
  readonly #view: View<T>;
  readonly #predicate: (value: T) => boolean;
  /** The version the predicate was asked about last. */
  #asked: number | undefined;
  #fits = false;

  constructor(view: View<T>, predicate: (value: T) => boolean) {
    this.audience = view.audience;
    this.#view = view;
    this.#predicate = predicate;
  }

  isReady(): boolean {
    const view = this.#view;
    const { subject } = view;
    // Again if the predicate itself has changed the value.
    while (!view.isOver && this.#asked !== subject.version) {
      this.#asked = subject.version;
      this.#fits = this.#predicate(subject.value);
    }
    return this.#fits || view.isClosed;
  }

  take(): T {
    if (!this.#fits || this.#view.isOver) throw closedError();
    return this.#view.see();
  }
}

class WaitFor<T> extends UntilReady<T, RondoError> {
  override poll(context: Context): Poll<T> {
    let result: Poll<T> = PENDING;
    let isThrown = true;
    try {
      result = super.poll(context);
      isThrown = false;
    } finally {
      // The predicate may throw while it waits.
      if (isThrown) this.cancel();
    }
    return result;
  }
}

/**
 * Follows a value. It knows which value it has seen, and waits for newer ones; values between two
 * looks are skipped. As a stream it gives each change, the latest value at the time.
 */
export class WatchReceiver<T> extends BaseStream<T, never> implements Disposable {
  readonly #view: View<T>;
  readonly #changes: Changes<T>;
  /** Between two items of the stream. @internal */
  waiter: Waiter | undefined = undefined;

  /** @internal */
  constructor(subject: Subject<T>, seen: number) {
    super();
    this.#view = new View(subject, seen);
    this.#changes = new Changes(this.#view);
    subject.receivers += 1;
    subject.deserted.isSet = false;
  }

  /** The latest value; looking at it here does not count as having seen it. */
  get value(): T {
    return this.#view.subject.value;
  }

  /** Whether there is a value that this receiver has not seen. */
  get hasChanged(): boolean {
    return this.#view.hasChanged;
  }

  /** Whether nothing will change any more: all senders are closed. */
  get isClosed(): boolean {
    return this.#view.isClosed;
  }

  /** The latest value, which now counts as seen. */
  observe(): T {
    return this.#view.see();
  }

  /** The value that there is counts as not seen: `changed` is ready at once. */
  markChanged(): void {
    this.#view.seen = -1;
  }

  /** The value that there is counts as seen. */
  markUnchanged(): void {
    this.#view.seen = this.#view.subject.version;
  }

  /**
   * Waits for a value that was not seen, and gives it; it then counts as seen. Throws `RondoError`
   * ERR_CHANNEL_CLOSED when there is none and all senders are closed. Given up, nothing is seen.
   */
  changed(): BaseFuture<T, RondoError> {
    return new UntilReady<T, RondoError>(this.#view);
  }

  /**
   * Waits for a value that fits, the one there is now included, and gives it; it then counts as
   * seen. Throws what `predicate` throws, and `RondoError` ERR_CHANNEL_CLOSED when the last value
   * does not fit and all senders are closed. Given up, nothing is seen.
   */
  waitFor(predicate: (value: T) => boolean): BaseFuture<T, RondoError> {
    return new WaitFor(new Fitting(this.#view, predicate));
  }

  override next(): BaseFuture<T | typeof END, never> {
    return new UntilReady<T | typeof END, never>(this.#changes);
  }

  pollNext(context: Context): StreamPoll<T> {
    return pollCondition(this.#changes, this, context);
  }

  override cancel(): void {
    this[Symbol.dispose]();
  }

  /** Another receiver that has seen as much as this one. */
  clone(): WatchReceiver<T> {
    return new WatchReceiver(this.#view.subject, this.#view.seen);
  }

  /** Receives no more. The last value can still be looked at. */
  [Symbol.dispose](): void {
    const view = this.#view;
    leavePlace(view.audience, this);
    if (view.isOver) return;
    view.isOver = true;
    view.subject.receivers -= 1;
    if (view.audience.places > 0) view.audience.tell();
    if (view.subject.receivers === 0) view.subject.deserted.set();
  }
}

/**
 * A value that changes: senders set it, receivers wait for changes and see the latest. Nothing is
 * queued. All ends are of one thread, and share the value itself, not copies.
 *
 * @example
 * const { sender, receiver } = watch(loadConfig());
 * spawn(function* () {
 *   for (;;) apply(yield* receiver.changed());
 * });
 */
export function watch<T>(initial: T): { sender: WatchSender<T>; receiver: WatchReceiver<T> } {
  const subject = new Subject(initial);
  return { sender: new WatchSender(subject), receiver: new WatchReceiver(subject, 0) };
}

show(WatchSender, ['value', 'receivers', 'waiters', 'isClosed']);
show(WatchReceiver, ['value', 'hasChanged', 'isClosed']);
