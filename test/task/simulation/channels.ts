/** Channels beside their naive models: arrays and counters. */
import {
  broadcast,
  LaggedError,
  mpsc,
  oneshot,
  watch,
  type BroadcastReceiver,
  type BroadcastSender,
  type Future,
  type Receiver,
  type Sender,
  type SendPermit,
  type WatchReceiver,
  type WatchSender,
} from '../../../src/task/index.ts';
import { Observed, type Scene } from './observed.ts';

/** What is checked after every step, and at the end. */
export interface Thing {
  /** `isQuiet`: nothing is left to run at this moment. */
  check(isQuiet: boolean): void;
  /** The program is over. */
  end(): void;
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

/** An mpsc channel is an array with a limit. */
export class MpscThing implements Thing {
  readonly #scene: Scene;
  readonly #sender: Sender<number>;
  readonly #receiver: Receiver<number>;
  readonly #name: string;
  readonly #capacity: number;
  #queue: number[] = [];
  /** Places in the hands of permits. */
  #reserved = 0;
  /** Senders that are not closed; the first of them. */
  #senders = 1;
  #isSenderClosed = false;
  #isClosed = false;
  #isDisposed = false;

  constructor(scene: Scene, name: string, capacity: number) {
    this.#scene = scene;
    this.#name = name;
    this.#capacity = capacity;
    const { sender, receiver } = mpsc<number>(capacity);
    this.#sender = sender;
    this.#receiver = receiver;
  }

  get #free(): number {
    return this.#capacity - this.#queue.length - this.#reserved;
  }

  get #isEnded(): boolean {
    if (this.#isDisposed) return true;
    const isEnding = this.#senders === 0 || this.#isClosed;
    return isEnding && this.#queue.length === 0 && this.#reserved === 0;
  }

  #push(value: number): void {
    this.#scene.ledger.expect(this.#queue.length < this.#capacity, `${this.#name} holds too much`);
    if (!this.#isDisposed) this.#queue.push(value);
  }

  #refused(error: unknown, sender: Sender<number>): void {
    const { ledger } = this.#scene;
    const isRight = codeOf(error) === 'ERR_CHANNEL_CLOSED' && (this.#isClosed || sender.isClosed);
    ledger.expect(isRight, `${this.#name} refuses: ${String(error)}`);
  }

  #overdueToSend(): string | undefined {
    if (this.#isClosed) return 'the receiver closed';
    // Who asks for several holds up the others.
    const most = this.#scene.ledger.largestOpen(`${this.#name}.reserve `);
    return this.#free >= Math.max(1, most) ? `there are ${this.#free} places` : undefined;
  }

  send(isProtected: boolean, sender: Sender<number> = this.#sender): Observed<void> {
    const value = this.#scene.ledger.number();
    return new Observed<void>(
      this.#scene,
      sender.send(value),
      {
        what: `${this.#name}.send ${value}`,
        overdue: () => this.#overdueToSend(),
        ready: () => this.#push(value),
        threw: (error) => this.#refused(error, sender),
      },
      isProtected,
    );
  }

  trySend(): void {
    const { ledger } = this.#scene;
    const value = ledger.number();
    const hadRoom = this.#free > 0;
    const outcome = this.#sender.trySend(value);
    ledger.note(`${this.#name}.trySend ${value}: ${outcome}`);
    const isClosed = this.#isClosed || this.#isSenderClosed;
    ledger.expect((outcome === 'closed') === isClosed, `${this.#name}.trySend is ${outcome}`);
    if (outcome !== 'sent') return;
    ledger.expect(hadRoom, `${this.#name}.trySend has no place`);
    this.#push(value);
  }

  /** A sender of its own for the time of `use`; undefined when there can be none. */
  clone(): Sender<number> | undefined {
    if (this.#isSenderClosed) return undefined;
    this.#senders += 1;
    return this.#sender.clone();
  }

  closeClone(sender: Sender<number>): void {
    this.#senders -= 1;
    sender.close();
  }

  reserve(count: number, isProtected: boolean): Observed<SendPermit<number> | undefined> {
    const amount = Math.min(count, this.#capacity);
    return new Observed<SendPermit<number> | undefined>(
      this.#scene,
      this.#sender.reserve(amount),
      {
        what: `${this.#name}.reserve ${amount}`,
        overdue: () => this.#overdueToSend(),
        ready: () => {
          this.#reserved += amount;
        },
        threw: (error) => {
          this.#refused(error, this.#sender);
          return undefined;
        },
      },
      isProtected,
    );
  }

  sendReserved(permit: SendPermit<number>): void {
    const { ledger } = this.#scene;
    const value = ledger.number();
    const isSent = permit.send(value);
    ledger.note(`${this.#name} permit sends ${value}: ${isSent}`);
    ledger.expect(isSent !== this.#isDisposed, `${this.#name}: a permit sent: ${isSent}`);
    this.#reserved -= 1;
    this.#push(value);
  }

  releasePermit(permit: SendPermit<number>): void {
    this.#reserved -= permit.remaining;
    permit.release();
  }

  #received(value: number | undefined): void {
    const { ledger } = this.#scene;
    ledger.note(`${this.#name} received ${value}`);
    if (value === undefined) ledger.expect(this.#isEnded, `${this.#name} ended too soon`);
    else {
      const expected = this.#queue.shift();
      ledger.expect(value === expected, `${this.#name} gave ${value} in place of ${expected}`);
    }
  }

  #overdueToReceive(): string | undefined {
    if (this.#queue.length > 0) return `there are ${this.#queue.length} messages`;
    return this.#isEnded ? 'the channel has ended' : undefined;
  }

  receive(isProtected: boolean): Observed<number | undefined> {
    return new Observed<number | undefined>(
      this.#scene,
      this.#receiver.receive(),
      {
        what: `${this.#name}.receive`,
        overdue: () => this.#overdueToReceive(),
        ready: (value) => this.#received(value),
      },
      isProtected,
    );
  }

  receiveMany(limit: number, isProtected: boolean): Observed<number[]> {
    return new Observed<number[]>(
      this.#scene,
      this.#receiver.receiveMany(limit),
      {
        what: `${this.#name}.receiveMany`,
        overdue: () => this.#overdueToReceive(),
        ready: (values) => {
          if (values.length === 0) this.#received(undefined);
          for (const value of values) this.#received(value);
        },
      },
      isProtected,
    );
  }

  tryReceive(): void {
    const value = this.#receiver.tryReceive();
    if (value !== undefined) this.#received(value);
  }

  closeSender(): void {
    if (!this.#isSenderClosed) this.#senders -= 1;
    this.#isSenderClosed = true;
    this.#scene.ledger.note(`${this.#name} sender closes`);
    this.#sender.close();
  }

  closeReceiver(): void {
    this.#isClosed = true;
    this.#scene.ledger.note(`${this.#name} receiver closes`);
    this.#receiver.close();
  }

  disposeReceiver(): void {
    this.#isClosed = true;
    this.#isDisposed = true;
    this.#queue = [];
    this.#scene.ledger.note(`${this.#name} receiver goes`);
    this.#receiver[Symbol.dispose]();
  }

  check(isQuiet: boolean): void {
    const { ledger } = this.#scene;
    const { length } = this.#receiver;
    // A `send` that was granted is in the channel when it was polled.
    ledger.expect(length === this.#queue.length, `${this.#name} has ${length} messages`);
    if (!isQuiet || this.#isDisposed) return;
    const { available } = this.#sender;
    ledger.expect(available === this.#free, `${this.#name}: ${available} free, not ${this.#free}`);
  }

  end(): void {
    const { ledger } = this.#scene;
    const waiters = this.#receiver.waiters + this.#sender.waiters;
    ledger.expect(waiters === 0, `${this.#name}: ${waiters} still wait`);
    ledger.expect(this.#reserved === 0, `${this.#name}: ${this.#reserved} places are reserved`);
    for (let left = this.#receiver.length; left > 0; left--) this.tryReceive();
    ledger.expect(this.#queue.length === 0, `${this.#name} lost ${this.#queue.join()}`);
  }
}

interface Listener {
  readonly receiver: BroadcastReceiver<number>;
  readonly isSkipping: boolean;
  position: number;
}

/** A broadcast channel is the list of all messages, and a place in it for each receiver. */
export class BroadcastThing implements Thing {
  readonly #scene: Scene;
  readonly #sender: BroadcastSender<number>;
  readonly #capacity: number;
  readonly #messages: number[] = [];
  readonly #listeners: Listener[];
  #isClosed = false;

  constructor(scene: Scene, capacity: number) {
    this.#scene = scene;
    this.#capacity = capacity;
    const { sender, receiver } = broadcast<number>(capacity);
    this.#sender = sender;
    const skipping = receiver.resubscribe({ onLag: 'skip' });
    this.#listeners = [
      { receiver, isSkipping: false, position: 0 },
      { receiver: skipping, isSkipping: true, position: 0 },
    ];
  }

  get #oldest(): number {
    return Math.max(0, this.#messages.length - this.#capacity);
  }

  send(): void {
    const { ledger } = this.#scene;
    const value = ledger.number();
    const count = this.#sender.send(value);
    ledger.note(`broadcast ${value}`);
    const expected = this.#isClosed ? 0 : this.#listeners.length;
    ledger.expect(count === expected, `broadcast reaches ${count}`);
    if (!this.#isClosed) this.#messages.push(value);
  }

  close(): void {
    this.#isClosed = true;
    this.#sender.close();
  }

  receive(which: number, isProtected: boolean): Observed<number | undefined> {
    const listener = this.#listeners[which % this.#listeners.length]!;
    const { ledger } = this.#scene;
    return new Observed<number | undefined>(
      this.#scene,
      listener.receiver.receive(),
      {
        what: `broadcast.receive ${which}`,
        overdue: () => {
          if (listener.position < this.#messages.length) return 'there are messages';
          return this.#isClosed ? 'it was closed' : undefined;
        },
        ready: (value) => {
          ledger.note(`broadcast received ${value}`);
          if (listener.isSkipping) listener.position = Math.max(listener.position, this.#oldest);
          ledger.expect(listener.position >= this.#oldest, 'messages were lost and nobody told');
          const expected = this.#messages[listener.position];
          ledger.expect(value === expected, `broadcast gave ${value} in place of ${expected}`);
          if (value === undefined) ledger.expect(this.#isClosed, 'broadcast ended too soon');
          else listener.position += 1;
        },
        threw: (error) => {
          const lost = this.#oldest - listener.position;
          const isRight = error instanceof LaggedError && error.lost === lost && lost > 0;
          ledger.expect(isRight && !listener.isSkipping, `broadcast throws ${String(error)}`);
          listener.position = this.#oldest;
          return undefined;
        },
      },
      isProtected,
    );
  }

  check(): void {
    for (const { receiver, position } of this.#listeners) {
      const expected = this.#messages.length - Math.max(position, this.#oldest);
      this.#scene.ledger.expect(receiver.length === expected, `broadcast has ${receiver.length}`);
    }
  }

  end(): void {
    this.#scene.ledger.expect(this.#sender.waiters === 0, 'somebody waits at the broadcast');
  }
}

/** A watch is a value with a number, and the number that each receiver has seen. */
export class WatchThing implements Thing {
  readonly #scene: Scene;
  readonly #sender: WatchSender<number>;
  readonly #followers: { readonly receiver: WatchReceiver<number>; seen: number }[];
  #value = 0;
  #version = 0;
  #isClosed = false;

  constructor(scene: Scene) {
    this.#scene = scene;
    const { sender, receiver } = watch(0);
    this.#sender = sender;
    this.#followers = [
      { receiver, seen: 0 },
      { receiver: receiver.clone(), seen: 0 },
    ];
  }

  send(): void {
    const { ledger } = this.#scene;
    const value = ledger.number();
    const isSent = this.#sender.send(value);
    ledger.note(`watch ${value}`);
    ledger.expect(isSent !== this.#isClosed, `watch sent: ${isSent}`);
    if (!isSent) return;
    this.#value = value;
    this.#version += 1;
  }

  close(): void {
    this.#isClosed = true;
    this.#sender.close();
  }

  changed(which: number, isProtected: boolean): Observed<number> {
    const follower = this.#followers[which % this.#followers.length]!;
    const { ledger } = this.#scene;
    return new Observed<number>(
      this.#scene,
      follower.receiver.changed(),
      {
        what: `watch.changed ${which}`,
        overdue: () => {
          if (follower.seen !== this.#version) return 'it changed';
          return this.#isClosed ? 'it was closed' : undefined;
        },
        ready: (value) => {
          ledger.note(`watch saw ${value}`);
          ledger.expect(value === this.#value, `watch gave ${value}, not ${this.#value}`);
          ledger.expect(follower.seen !== this.#version, 'watch gave the same twice');
          follower.seen = this.#version;
        },
        threw: (error) => {
          const isRight = codeOf(error) === 'ERR_CHANNEL_CLOSED' && this.#isClosed;
          ledger.expect(isRight, `watch throws ${String(error)}`);
          return 0;
        },
      },
      isProtected,
    );
  }

  check(): void {
    const { value } = this.#sender;
    this.#scene.ledger.expect(value === this.#value, `watch has ${value}, not ${this.#value}`);
  }

  end(): void {
    this.#scene.ledger.expect(this.#sender.waiters === 0, 'somebody waits at the watch');
  }
}

/** One question, of which at most one answer comes. */
export class Question {
  readonly #scene: Scene;
  readonly #ends: ReturnType<typeof oneshot<number>> = oneshot<number>();
  #answer: number | undefined;
  #isSenderClosed = false;
  #isReceiverGone = false;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  answer(): void {
    const { ledger } = this.#scene;
    const value = ledger.number();
    const isSent = this.#ends.sender.send(value);
    ledger.note(`answers ${value}: ${isSent}`);
    ledger.expect(isSent !== this.#isReceiverGone, `oneshot sent: ${isSent}`);
    if (isSent) this.#answer = value;
  }

  closeSender(): void {
    this.#isSenderClosed = true;
    this.#ends.sender.close();
  }

  /** Waits for the answer; giving that up closes the channel if it is the receiver itself. */
  ask(asReceiver: boolean, isProtected: boolean): Observed<number | undefined> {
    const { ledger } = this.#scene;
    const { receiver } = this.#ends;
    const future: Future<number> = asReceiver ? receiver : receiver.receive();
    return new Observed<number | undefined>(
      this.#scene,
      future,
      {
        what: 'oneshot.receive',
        overdue: () => {
          if (this.#answer !== undefined) return 'it was answered';
          return this.#isSenderClosed ? 'the sender closed' : undefined;
        },
        ready: (value) => {
          ledger.expect(value === this.#answer, `oneshot gave ${value}, not ${this.#answer}`);
          this.#isReceiverGone = true;
        },
        threw: (error) => {
          const isUnanswered = this.#answer === undefined && this.#isSenderClosed;
          const isRight = codeOf(error) === 'ERR_CHANNEL_CLOSED' && isUnanswered;
          ledger.expect(isRight, `oneshot throws ${String(error)}`);
          return undefined;
        },
        gone: () => {
          if (asReceiver) this.#isReceiverGone = true;
        },
      },
      isProtected,
    );
  }
}
