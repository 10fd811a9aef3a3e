/** mpsc against a naive model: arrays of messages, of those that send and of those that receive. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { mpsc } from '../../../src/task/sync/index.ts';
import { checkWakes, outcome, pick, programs, Waiting, type Step } from './model.test.helper.ts';

type Ends = ReturnType<typeof mpsc<number>>;
type Permit = Exclude<ReturnType<Ends['sender']['tryReserve']>, string>;

/** A future that wants places: to send a value, or `places` of them to reserve. */
interface Wish {
  readonly value: number | undefined;
  readonly places: number;
}

class Model {
  readonly sender: Ends['sender'];
  readonly receiver: Ends['receiver'];
  readonly capacity: number;
  available: number;
  messages: number[] = [];
  sends: Waiting<unknown, Wish>[] = [];
  receives: Waiting<number | undefined, undefined>[] = [];
  readonly allSends: Waiting<unknown, Wish>[] = [];
  readonly allReceives: Waiting<number | undefined, undefined>[] = [];
  readonly permits: Permit[] = [];
  nextValue = 0;
  /** Every message that was sent, and every one received: the same, in the same order. */
  readonly sent: number[] = [];
  readonly received: number[] = [];
  isReceiverClosed = false;
  isSenderClosed = false;

  constructor(capacity: number) {
    const { sender, receiver } = mpsc<number>(capacity);
    this.sender = sender;
    this.receiver = receiver;
    this.capacity = this.available = capacity;
  }

  get claims(): number {
    return this.allReceives.filter(({ state }) => state === 'chosen').length;
  }

  get isClosed(): boolean {
    return this.isReceiverClosed || this.isSenderClosed;
  }

  /** Serves whoever can be served now; the two loops of the model. */
  settle(): void {
    while (this.sends.length > 0 && this.sends[0]!.known.places <= this.available) {
      const first = this.sends.shift()!;
      this.available -= first.known.places;
      first.state = 'chosen';
    }
    while (this.receives.length > 0 && this.messages.length > this.claims) {
      this.receives.shift()!.state = 'chosen';
    }
    if (this.isEnded) for (const one of this.receives.splice(0)) one.state = 'refused';
  }

  get isEnded(): boolean {
    const isIdle = this.messages.length === 0 && this.available === this.capacity;
    return this.isClosed && isIdle && this.sends.length === 0;
  }

  push(value: number): void {
    this.messages.push(value);
    this.sent.push(value);
    this.settle();
  }

  took(value: unknown): void {
    const message = this.messages.shift();
    assert.equal(value, message, 'the first message');
    this.received.push(message!);
    this.available += 1;
    this.settle();
  }

  pollSend(one: Waiting<unknown, Wish>): void {
    const { value, places } = one.known;
    const isNew = one.state === 'new';
    const isRefused = one.state === 'refused' || (isNew && this.isClosed);
    const isReady = isNew && !isRefused && this.sends.length === 0 && places <= this.available;
    const result = outcome(one.task);
    if (isRefused) {
      assert.deepEqual(result, { code: 'ERR_CHANNEL_CLOSED' });
      one.state = 'over';
    } else if (isReady || one.state === 'chosen') {
      assert.ok(typeof result === 'object' && 'value' in result);
      if (isReady) this.available -= places;
      one.state = 'over';
      if (value === undefined) this.permits.push(result.value as Permit);
      else this.push(value);
    } else {
      assert.equal(result, 'pending');
      if (isNew) this.sends.push(one);
      one.state = 'waiting';
    }
  }

  pollReceive(one: Waiting<number | undefined, undefined>): void {
    const isNew = one.state === 'new';
    const isReady = isNew && this.messages.length > this.claims;
    const result = outcome(one.task);
    if (isReady || one.state === 'chosen') {
      assert.ok(typeof result === 'object' && 'value' in result);
      one.state = 'over';
      this.took(result.value);
    } else if (one.state === 'refused' || (isNew && this.isEnded)) {
      assert.deepEqual(result, { value: undefined });
      one.state = 'over';
    } else {
      assert.equal(result, 'pending');
      if (isNew) this.receives.push(one);
      one.state = 'waiting';
    }
  }

  cancelSend(one: Waiting<unknown, Wish>): void {
    if (one.state === 'chosen') this.available += one.known.places;
    this.sends = this.sends.filter((other) => other !== one);
    one.state = 'over';
    assert.ok(one.task.cancel());
    this.settle();
  }

  cancelReceive(one: Waiting<number | undefined, undefined>): void {
    this.receives = this.receives.filter((other) => other !== one);
    one.state = 'over';
    assert.ok(one.task.cancel());
    this.settle();
  }

  trySend(): void {
    const value = this.nextValue++;
    const result = this.sender.trySend(value);
    if (this.isClosed) {
      assert.equal(result, 'closed');
    } else if (this.sends.length > 0 || this.available === 0) {
      assert.equal(result, 'full');
    } else {
      assert.equal(result, 'sent');
      this.available -= 1;
      this.push(value);
    }
  }

  tryReceive(): void {
    const isThere = this.messages.length > this.claims;
    const value = this.receiver.tryReceive();
    if (isThere) this.took(value);
    else assert.equal(value, undefined);
  }

  usePermit(choice: number): void {
    const permit = pick(choice, this.permits, ({ remaining }) => remaining > 0);
    if (permit === undefined) return;
    if (choice % 3 === 0) {
      this.available += permit.remaining;
      permit.release();
      this.settle();
    } else {
      const value = this.nextValue++;
      assert.equal(permit.send(value), true);
      this.push(value);
    }
  }

  close(choice: number): void {
    if (choice % 4 === 0) {
      this.receiver.close();
      this.isReceiverClosed = true;
      for (const one of this.sends.splice(0)) one.state = 'refused';
    } else if (choice % 4 === 1) {
      this.sender.close();
      this.isSenderClosed = true;
    }
    this.settle();
  }

  step([action, choice]: Step): void {
    const send = pick(choice, this.allSends, ({ isOpen }) => isOpen);
    const receive = pick(choice, this.allReceives, ({ isOpen }) => isOpen);
    const places = 1 + (choice % Math.min(2, this.capacity));
    if (action === 0) {
      const value = this.nextValue++;
      this.allSends.push(new Waiting(this.sender.send(value), { value, places: 1 }));
    } else if (action === 1) {
      const wish = { value: undefined, places };
      this.allSends.push(new Waiting(this.sender.reserve(places), wish));
    } else if (action === 2) {
      this.allReceives.push(new Waiting(this.receiver.receive(), undefined));
    } else if (action <= 4 && send !== undefined) this.pollSend(send);
    else if (action <= 6 && receive !== undefined) this.pollReceive(receive);
    else if (action === 7 && send !== undefined) this.cancelSend(send);
    else if (action === 8 && receive !== undefined) this.cancelReceive(receive);
    else if (action === 9) this.trySend();
    else if (action === 10) this.tryReceive();
    else if (action === 11) this.usePermit(choice);
    else if (action === 12 && choice % 8 === 0) this.close(choice / 8);
  }

  check(): void {
    checkWakes(this.allSends);
    checkWakes(this.allReceives);
    assert.equal(this.sender.available, this.available);
    assert.equal(this.sender.waiters, this.sends.length);
    assert.equal(this.receiver.waiters, this.receives.length);
    assert.equal(this.receiver.length, this.messages.length);
    assert.equal(this.receiver.isEnded, this.isEnded);
    assert.deepEqual(this.received, this.sent.slice(0, this.received.length));
  }

  /** Everything is given up; what was sent is there, and then the channel ends. */
  finish(): void {
    for (const one of this.allSends) if (one.isOpen) this.cancelSend(one);
    for (const one of this.allReceives) if (one.isOpen) this.cancelReceive(one);
    for (const permit of this.permits) {
      this.available += permit.remaining;
      permit.release();
    }
    this.close(1);
    while (this.messages.length > 0) this.tryReceive();
    this.check();
    assert.deepEqual(this.received, this.sent, 'no message was lost or doubled');
    assert.ok(this.receiver.isEnded);
  }
}

describe('Against the model of a channel', () => {
  test('mpsc', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 3 }),
      programs(13),
      (capacity, steps) => {
        const model = new Model(capacity);
        for (const step of steps) {
          model.step(step);
          model.check();
        }
        model.finish();
      },
    );
    fc.assert(property, { numRuns: 600 });
  });
});
