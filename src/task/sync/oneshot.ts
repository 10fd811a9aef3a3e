/** A channel for one message. */
import { misuse, RondoError, show } from '../../base/index.ts';
import { BaseFuture, PENDING, type Context, type Poll, type Waker } from '../future/index.ts';
import { Audience, UntilReady, type Condition } from './condition.ts';
import { keepWaker } from './wait-list.ts';

const State = {
  /** Neither sent nor closed. */
  OPEN: 0,
  /** There is a message to take, whether or not the receiver closed since. */
  SENT: 1,
  /** There will be none: the sender or the receiver closed. */
  CLOSED: 2,
  TAKEN: 3,
} as const;

/** Sends the one message of a oneshot channel. */
export class OneshotSender<T> implements Disposable {
  /** @internal */
  readonly receiver: OneshotReceiver<T>;

  /** @internal */
  constructor(receiver: OneshotReceiver<T>) {
    this.receiver = receiver;
  }

  /** Whether sending makes no sense: the receiver is gone, or this sender was used or closed. */
  get isClosed(): boolean {
    return this.receiver.isGone || this.receiver.state !== State.OPEN;
  }

  /** Sends the message. False when nobody can receive it, and when one was sent already. */
  send(value: T): boolean {
    if (this.isClosed) return false;
    this.receiver.settle(State.SENT, value);
    return true;
  }

  /** Waits until the receiver is gone, closed, or has the message. Give it up at any time. */
  closed(): BaseFuture<void, never> {
    const { receiver } = this;
    return new UntilReady<void, never>((receiver.gone ??= new Gone(receiver)));
  }

  /** Gives up sending, unless it was sent: the receiver is told. */
  close(): void {
    if (this.receiver.state === State.OPEN) this.receiver.settle(State.CLOSED, undefined);
  }

  /** The same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Receives the one message of a oneshot channel: it is itself the future of it. Throws `RondoError`
 * ERR_CHANNEL_CLOSED when the sender closed without having sent. Giving it up closes the channel
 * and drops a message that is there; `receive()` is a future that leaves it as it is.
 */
export class OneshotReceiver<T> extends BaseFuture<T, RondoError> implements Disposable {
  // It is the channel, too: oneshots are made for every request, so they are two small objects, and
  // what few of them need is made when it is asked for.
  /** @internal */
  state: number = State.OPEN;
  /** @internal */
  value: T | undefined = undefined;
  /** Of this future; futures of `receive()` wait as the audience of `message`. @internal */
  waker: Waker | undefined = undefined;
  /** That nothing will be taken any more. @internal */
  isGone: boolean = false;
  /** @internal */
  message: Message<T> | undefined = undefined;
  /** @internal */
  gone: Gone | undefined = undefined;

  /** Whether a message is there to be taken. */
  get hasMessage(): boolean {
    return this.state === State.SENT;
  }

  /** Whether nothing can be received any more: the message was taken, or none will come. */
  get isEnded(): boolean {
    return this.state === State.CLOSED || this.state === State.TAKEN;
  }

  poll(context: Context): Poll<T> {
    if (this.state === State.OPEN) {
      keepWaker(this, context.waker);
      // It may have been sent while the waker was cloned.
      if (this.state === State.OPEN) return PENDING;
    }
    if (!context.proceed()) return PENDING;
    const { waker } = this;
    if (waker === undefined) return this.take();
    this.waker = undefined;
    try {
      return this.take();
    } finally {
      waker.drop();
    }
  }

  cancel(): void {
    this[Symbol.dispose]();
  }

  /**
   * Waits for the message. Giving it up closes nothing and loses nothing. Throws `RondoError`
   * ERR_CHANNEL_CLOSED when none will come, TypeError ERR_TASK_OVER when it was received already.
   */
  receive(): BaseFuture<T, RondoError> {
    return new UntilReady<T, RondoError>((this.message ??= new Message(this)));
  }

  /** The message if it is there; `isEnded` tells whether one can still come. */
  tryReceive(): T | undefined {
    return this.hasMessage ? this.take() : undefined;
  }

  /** Nothing can be sent any more. A message that was sent before can still be received. */
  close(): void {
    if (this.state === State.OPEN) this.settle(State.CLOSED, undefined);
    this.leave();
  }

  /** Closes, and drops a message that is there. */
  [Symbol.dispose](): void {
    const { waker } = this;
    this.waker = undefined;
    if (this.state === State.SENT) this.take();
    else this.close();
    waker?.drop();
  }

  /** @internal */
  settle(state: number, value: T | undefined): void {
    this.state = state;
    this.value = value;
    const { waker, message } = this;
    this.waker = undefined;
    waker?.wake();
    message?.audience.tell();
  }

  /** @internal */
  take(): T {
    if (this.state === State.CLOSED) {
      throw new RondoError('ERR_CHANNEL_CLOSED', 'Cannot receive: the channel closed unused');
    }
    if (this.state === State.TAKEN) {
      throw misuse('ERR_TASK_OVER', 'Cannot receive: the one message was received already');
    }
    const value = this.value as T;
    this.value = undefined;
    this.state = State.TAKEN;
    this.leave();
    return value;
  }

  // Not a private method: those cost each object a field.
  /** @internal */
  leave(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.gone?.audience.tell();
  }
}

/** That there is a message, or that there will be none. */
class Message<T> implements Condition<T> {
  readonly audience = new Audience();
  readonly #receiver: OneshotReceiver<T>;

  constructor(receiver: OneshotReceiver<T>) {
    this.#receiver = receiver;
  }

  isReady(): boolean {
    return this.#receiver.state !== State.OPEN;
  }

  take(): T {
    return this.#receiver.take();
  }
}

/** That the receiver takes nothing any more. */
class Gone implements Condition<void> {
  readonly audience = new Audience();
  readonly #receiver: { readonly isGone: boolean };

  constructor(receiver: { readonly isGone: boolean }) {
    this.#receiver = receiver;
  }

  isReady(): boolean {
    return this.#receiver.isGone;
  }

  take(): void {}
}

/**
 * A channel for one message, the answer to a request for instance. Both ends are of one thread.
 *
 * @example
 * const { sender, receiver } = oneshot<number>();
 * spawn(() => work(sender));
 * const answer = yield* receiver;
 */
export function oneshot<T>(): { sender: OneshotSender<T>; receiver: OneshotReceiver<T> } {
  const receiver = new OneshotReceiver<T>();
  return { sender: new OneshotSender(receiver), receiver };
}

show(OneshotSender, ['isClosed']);
show(OneshotReceiver, ['hasMessage', 'isEnded']);
