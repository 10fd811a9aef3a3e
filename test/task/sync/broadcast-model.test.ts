/** broadcast and watch against naive models: every receiver has a list, or a value, of its own. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { broadcast, watch } from '../../../src/task/sync/index.ts';
import {
  checkWakes,
  outcome,
  pick,
  programs,
  Waiting,
  type Outcome,
  type Step,
} from './model.test.helper.ts';

type Receiver = ReturnType<typeof broadcast<number>>['receiver'];

interface Follower {
  readonly receiver: Receiver;
  readonly isSkipping: boolean;
  unread: number[];
  /** Overwritten and not yet told of. */
  missed: number;
  lost: number;
  isOver: boolean;
  /** Futures that wait with this receiver. */
  readonly waits: Waiting<number | undefined, undefined>[];
}

class BroadcastModel {
  readonly capacity: number;
  readonly sender: ReturnType<typeof broadcast<number>>['sender'];
  readonly followers: Follower[] = [];
  isClosed = false;
  nextValue = 0;

  constructor(capacity: number) {
    const { sender, receiver } = broadcast<number>(capacity);
    this.capacity = capacity;
    this.sender = sender;
    this.follow(receiver, false);
  }

  follow(receiver: Receiver, isSkipping: boolean): void {
    const follower = { unread: [], missed: 0, lost: 0, isOver: false, waits: [] };
    this.followers.push({ receiver, isSkipping, ...follower });
  }

  get open(): Follower[] {
    return this.followers.filter(({ isOver }) => !isOver);
  }

  send(): void {
    const value = this.nextValue++;
    assert.equal(this.sender.send(value), this.isClosed ? 0 : this.open.length);
    if (this.isClosed || this.open.length === 0) return;
    for (const follower of this.open) {
      follower.unread.push(value);
      if (follower.unread.length <= this.capacity) continue;
      follower.unread.shift();
      follower.missed += 1;
    }
    this.wakeAll();
  }

  wakeAll(): void {
    for (const { waits } of this.followers) {
      for (const one of waits) if (one.state === 'waiting') one.state = 'chosen';
    }
  }

  /** What receiving gives now: a value, undefined at the end, an error, or nothing yet. */
  expected(follower: Follower): 'pending' | { value: unknown } | { code: string } {
    if (follower.isOver) return { value: undefined };
    follower.lost += follower.missed;
    if (follower.missed > 0) {
      follower.missed = 0;
      if (!follower.isSkipping) return { code: 'ERR_CHANNEL_LAGGED' };
    }
    if (follower.unread.length > 0) return { value: follower.unread.shift() };
    return this.isClosed ? { value: undefined } : 'pending';
  }

  poll(follower: Follower, one: Waiting<number | undefined, undefined>): void {
    const expected = this.expected(follower);
    assert.deepEqual(outcome(one.task), expected);
    one.state = expected === 'pending' ? 'waiting' : 'over';
  }

  step([action, choice]: Step): void {
    const follower = pick(choice, this.followers, () => true)!;
    const one = pick(choice, follower.waits, ({ isOpen }) => isOpen);
    if (action <= 1) this.send();
    else if (action === 2 && !this.isClosed) {
      const isSkipping = choice % 2 === 0;
      this.follow(this.sender.subscribe({ onLag: isSkipping ? 'skip' : 'error' }), isSkipping);
    } else if (action === 3) {
      follower.waits.push(new Waiting(follower.receiver.receive(), undefined));
    } else if (action <= 5 && one !== undefined) this.poll(follower, one);
    else if (action === 6 && one !== undefined) {
      one.state = 'over';
      assert.ok(one.task.cancel());
    } else if (action === 7) this.tryReceive(follower);
    else if (action === 8 && choice % 3 === 0) this.leave(follower);
    else if (action === 9 && choice % 20 === 0) {
      this.sender.close();
      this.isClosed = true;
      this.wakeAll();
    }
  }

  tryReceive(follower: Follower): void {
    const expected = this.expected(follower);
    if (expected === 'pending') assert.equal(follower.receiver.tryReceive(), undefined);
    else if ('value' in expected) assert.equal(follower.receiver.tryReceive(), expected.value);
    else assert.throws(() => follower.receiver.tryReceive(), expected);
  }

  leave(follower: Follower): void {
    const hasWaits = follower.waits.some(({ state }) => state === 'waiting' || state === 'chosen');
    if (!follower.isOver && hasWaits) this.wakeAll();
    follower.isOver = true;
    follower.unread = [];
    follower.receiver[Symbol.dispose]();
  }

  check(): void {
    for (const { receiver, unread, waits, lost } of this.followers) {
      checkWakes(waits);
      assert.equal(receiver.length, unread.length);
      assert.equal(receiver.lost, lost);
    }
    const longest = Math.max(0, ...this.open.map(({ unread }) => unread.length));
    assert.equal(this.sender.length, longest);
    assert.equal(this.sender.receivers, this.open.length);
  }
}

describe('Against models', () => {
  test('broadcast', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 4 }),
      programs(10),
      (capacity, steps) => {
        const model = new BroadcastModel(capacity);
        for (const step of steps) {
          model.step(step);
          model.check();
        }
      },
    );
    fc.assert(property, { numRuns: 500 });
  });

  test('watch', () => {
    const property = fc.property(programs(8), (steps) => {
      const { sender, receiver } = watch(0);
      const followers = [{ receiver, hasSeen: 0, waits: [] as Waiting<number, undefined>[] }];
      let value = 0;
      let isClosed = false;
      const wakeAll = (): void => {
        for (const { waits } of followers) {
          for (const one of waits) if (one.state === 'waiting') one.state = 'chosen';
        }
      };
      for (const [action, choice] of steps) {
        const follower = pick(choice, followers, () => true)!;
        const one = pick(choice, follower.waits, ({ isOpen }) => isOpen);
        if (action <= 1) {
          assert.equal(sender.send(value + 1), !isClosed);
          if (!isClosed) {
            value += 1;
            wakeAll();
          }
        } else if (action === 2) {
          const hasSeen = follower.hasSeen;
          followers.push({ receiver: follower.receiver.clone(), hasSeen, waits: [] });
        } else if (action === 3) {
          follower.waits.push(new Waiting(follower.receiver.changed(), undefined));
        } else if (action <= 5 && one !== undefined) {
          const hasNew = follower.hasSeen !== value;
          const refused: Outcome = isClosed ? { code: 'ERR_CHANNEL_CLOSED' } : 'pending';
          assert.deepEqual(outcome(one.task), hasNew ? { value } : refused);
          one.state = hasNew || isClosed ? 'over' : 'waiting';
          if (hasNew) follower.hasSeen = value;
        } else if (action === 6 && one !== undefined) {
          one.state = 'over';
          assert.ok(one.task.cancel());
        } else if (action === 7 && choice % 20 === 0) {
          sender.close();
          isClosed = true;
          wakeAll();
        } else if (action === 7) {
          assert.equal(follower.receiver.observe(), value);
          follower.hasSeen = value;
        }
        for (const { receiver: own, hasSeen, waits } of followers) {
          checkWakes(waits);
          assert.equal(own.hasChanged, hasSeen !== value);
        }
      }
    });
    fc.assert(property, { numRuns: 300 });
  });
});
