/**
 * A set of children (futures or streams) inside one task, of which only those are polled that were
 * woken: with a thousand children, a wake costs one poll and not a thousand. Each child is polled
 * with its slot, which is its context and its waker in one object.
 *
 *  1. A slot is in the queue of the woken at most once, and always after it was added or woken.
 *  2. A pass takes the slots that were in the queue when it began. What is woken during the pass
 *     waits for the next one, so that children which keep waking each other starve nobody.
 *  3. While a slot may be woken, the set holds a waker of the task's last poll; the first wake
 *     after that poll wakes the task, later ones have nothing to do.
 *  4. A slot that was removed does nothing when it is woken: others may keep it for long.
 */
import { PENDING, type Context, type Poll, type Waker } from '../future/index.ts';
import { asOneError, type Cancellable } from './closing.ts';
import { keepWaker } from '../future/keep-waker.ts';

/** The place of one child in a `ReadySet`: what the child is polled with. */
export class Slot<C extends Cancellable> implements Context, Waker {
  /** The child that was added. */
  readonly child: C;
  /** @internal Undefined when it was removed. */
  set: ReadySet<C> | undefined;
  /** @internal The neighbours among the members. */
  previous: Slot<C> | undefined = undefined;
  /** @internal */
  following: Slot<C> | undefined = undefined;
  /** @internal The one behind in the queue of the woken. */
  behind: Slot<C> | undefined = undefined;
  /** @internal In the queue of the woken. */
  queued = false;

  /** @internal */
  constructor(set: ReadySet<C>, child: C) {
    this.set = set;
    this.child = child;
  }

  get waker(): Waker {
    return this;
  }

  /** The budget is the task's. A child that was refused is polled again in the next pass. */
  proceed(): boolean {
    return this.set === undefined || this.set.proceed(this);
  }

  get reason(): unknown {
    return this.set?.context?.reason;
  }

  get isGraceOver(): boolean {
    return this.set?.context?.isGraceOver === true;
  }

  wake(): void {
    this.wakeByRef();
  }

  wakeByRef(): void {
    this.set?.woken(this);
  }

  clone(): Waker {
    return this;
  }

  drop(): void {
    // Who may still wake is not counted for each child: the set holds one waker for all of them.
  }

  willWake(other: Waker): boolean {
    return other === this;
  }
}

/**
 * See the head of this file.
 *
 * @example
 * // Inside poll(context):
 * set.enter(context);
 * for (let slot; (slot = set.take()) !== undefined; ) {
 *   const value = slot.child.poll(slot);
 *   if (value === PENDING) continue;
 *   set.remove(slot);
 *   return value;
 * }
 * return PENDING;
 */
export class ReadySet<C extends Cancellable> {
  /** @internal The context of the poll under way; stale between polls, when nobody reads it. */
  context: Context | undefined = undefined;
  #waker: Waker | undefined = undefined;
  /** The task was woken since its last poll began. */
  #notified = false;
  #size = 0;
  #first: Slot<C> | undefined = undefined;
  #last: Slot<C> | undefined = undefined;
  #head: Slot<C> | undefined = undefined;
  #tail: Slot<C> | undefined = undefined;
  /** Slots in the queue, the removed ones too; and how many of them this pass still takes. */
  #queued = 0;
  #pass = 0;
  /** The task's budget was used up in this pass: the other children wait for the next one. */
  #exhausted = false;
  #cancelling = false;
  #errors: unknown[] | undefined = undefined;

  /** How many children there are. */
  get size(): number {
    return this.#size;
  }

  /** The oldest child's slot. Go on with `after`. */
  get first(): Slot<C> | undefined {
    return this.#first;
  }

  /** The slot that was added after this one. */
  after(slot: Slot<C>): Slot<C> | undefined {
    return slot.following;
  }

  /**
   * Adds a child, to be polled by this pass or, between two of them, by the next one; the task is
   * woken for it.
   */
  add(child: C): Slot<C> {
    const slot = new Slot<C>(this, child);
    slot.previous = this.#last;
    if (this.#last === undefined) this.#first = slot;
    else this.#last.following = slot;
    this.#last = slot;
    this.#size += 1;
    this.#enqueue(slot);
    this.#pass += 1;
    this.#notify();
    return slot;
  }

  /** Takes a child out: it is over, or somebody else's now. */
  remove(slot: Slot<C>): void {
    if (slot.set !== this) return;
    slot.set = undefined;
    if (slot.previous === undefined) this.#first = slot.following;
    else slot.previous.following = slot.following;
    if (slot.following === undefined) this.#last = slot.previous;
    else slot.following.previous = slot.previous;
    slot.previous = undefined;
    slot.following = undefined;
    this.#size -= 1;
    if (this.#size === 0) this.#dropWaker();
  }

  /** Begins a pass: to be called at the start of every poll. */
  enter(context: Context): void {
    this.context = context;
    this.#waker = keepWaker(this.#waker, context);
    this.#notified = true; // What is woken while the pass goes on is told at its end.
    this.#exhausted = false;
    this.#pass = this.#queued;
  }

  /**
   * The next woken child of this pass, to be polled with its slot; undefined when there is none.
   * Then the task is woken again if children were woken meanwhile: return `PENDING`.
   */
  take(): Slot<C> | undefined {
    while (this.#pass > 0 && !this.#exhausted) {
      const slot = this.#dequeue();
      if (slot.set === this) return slot;
    }
    this.#notified = false;
    if (this.#size === 0) this.#dropWaker();
    else if (this.#queued > 0) this.#notify();
    return undefined;
  }

  /** Puts a child that was taken back, to be polled again although nobody woke it. */
  putBack(slot: Slot<C>): void {
    if (slot.set === this && !slot.queued) this.#enqueue(slot);
  }

  /**
   * Gives up all children at once and waits for them. An error that one throws does not keep the
   * others from being given up.
   * @throws the error of the child; AggregateError ERR_TASK_ERRORS when there were several
   */
  cancel(context: Context): Poll<void> {
    if (!this.#cancelling) {
      this.#cancelling = true;
      for (let slot = this.#first; slot !== undefined; slot = slot.following) this.putBack(slot);
    }
    this.enter(context);
    for (let slot; (slot = this.take()) !== undefined;) this.#cancelOne(slot);
    if (this.#size > 0) return PENDING;
    this.#cancelling = false;
    const errors = this.#errors;
    this.#errors = undefined;
    if (errors !== undefined) throw asOneError(errors);
    return undefined;
  }

  #cancelOne(slot: Slot<C>): void {
    try {
      if (slot.child.cancel?.(slot) === PENDING) return;
    } catch (error) {
      (this.#errors ??= []).push(error);
    }
    this.remove(slot);
  }

  /** @internal A child asks for budget. */
  proceed(slot: Slot<C>): boolean {
    if (this.context?.proceed() !== false) return true;
    this.#exhausted = true;
    this.woken(slot);
    return false;
  }

  /** @internal A slot was woken. */
  woken(slot: Slot<C>): void {
    if (slot.queued) return;
    this.#enqueue(slot);
    this.#notify();
  }

  #enqueue(slot: Slot<C>): void {
    slot.queued = true;
    if (this.#tail === undefined) this.#head = slot;
    else this.#tail.behind = slot;
    this.#tail = slot;
    this.#queued += 1;
  }

  #dequeue(): Slot<C> {
    const slot = this.#head as Slot<C>; // The pass is never longer than the queue.
    this.#head = slot.behind;
    if (this.#head === undefined) this.#tail = undefined;
    slot.behind = undefined;
    slot.queued = false;
    this.#queued -= 1;
    this.#pass -= 1;
    return slot;
  }

  #notify(): void {
    if (this.#notified || this.#waker === undefined) return;
    this.#notified = true;
    this.#waker.wakeByRef();
  }

  #dropWaker(): void {
    this.#waker?.drop();
    this.#waker = undefined;
  }
}
