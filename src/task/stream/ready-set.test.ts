import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BaseFuture, PENDING, pollFn, type Context, type Future } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { ReadySet, type Slot } from './ready-set.ts';
import { giveUp, Manual } from './stream.test.helper.ts';

/** Polls the woken; over when all children are. Keeps what they gave. */
class Joined<T> extends BaseFuture<T[], Error> {
  readonly set = new ReadySet<Future<T>>();
  readonly values: T[] = [];

  poll(context: Context): T[] | typeof PENDING {
    this.set.enter(context);
    for (let slot; (slot = this.set.take()) !== undefined;) {
      const value = slot.child.poll(slot);
      if (value === PENDING) continue;
      this.set.remove(slot);
      this.values.push(value);
    }
    return this.set.size === 0 ? this.values : PENDING;
  }

  cancel(context: Context): void | typeof PENDING {
    return this.set.cancel(context);
  }
}

function joined<T>(children: readonly Future<T>[]): {
  join: Joined<T>;
  task: TestTask<T[]>;
  slots: Slot<Future<T>>[];
} {
  const join = new Joined<T>();
  const slots = children.map((child) => join.set.add(child));
  return { join, slots, task: new TestTask(join) };
}

const manuals = (count: number): Manual<number>[] =>
  Array.from({ length: count }, () => new Manual<number>());

test('ReadySet: of a thousand children only those are polled that were woken', () => {
  const children = manuals(1000);
  const { task } = joined(children);
  assert.equal(task.poll(), PENDING);
  assert.ok(!task.isWoken);
  children[500]!.resolve(5);
  children[7]!.resolve(7);
  assert.ok(task.isWoken);
  assert.equal(task.poll(), PENDING);
  const polls = children.map((child) => child.polls);
  assert.equal(
    polls.reduce((sum, count) => sum + count, 0),
    1002,
  );
  assert.equal(children[500]!.polls, 2);
});

test('ReadySet: several wakes between two polls wake the task once', () => {
  const children = manuals(3);
  const { task } = joined(children);
  task.poll();
  const before = task.wakes;
  for (const child of children) child.resolve(1);
  assert.equal(task.wakes, before + 1);
  assert.deepEqual(task.poll(), [1, 1, 1]);
  assert.equal(task.wakers, 0);
});

test('ReadySet: the woken are polled in the order of their waking', () => {
  const children = manuals(3);
  const { task } = joined(children);
  task.poll();
  children[2]!.resolve(2);
  children[0]!.resolve(0);
  children[1]!.resolve(1);
  assert.deepEqual(task.poll(), [2, 0, 1]);
});

test('ReadySet: a child that wakes itself is polled once in a pass, and the task woken', () => {
  let polls = 0;
  const restless = pollFn<number>((context) => {
    polls += 1;
    context.waker.wakeByRef();
    return PENDING;
  });
  const other = new Manual<number>();
  const { task } = joined<number>([restless, other]);
  for (let round = 1; round <= 3; round++) {
    assert.equal(task.poll(), PENDING);
    assert.ok(task.isWoken);
    assert.equal(polls, round);
  }
  assert.equal(other.polls, 1);
});

test('ReadySet: children that wake each other are polled in turns', () => {
  const wakers: (() => void)[] = [];
  let polls = 0;
  const pong = (peer: number): Future<number> =>
    pollFn<number>((context) => {
      polls += 1;
      wakers[1 - peer] = () => context.waker.wakeByRef();
      wakers[peer]?.();
      return PENDING;
    });
  const { task } = joined<number>([pong(1), pong(0)]);
  for (let round = 0; round < 10; round++) {
    const before = polls;
    assert.equal(task.poll(), PENDING);
    assert.ok(polls - before <= 2);
    assert.ok(task.isWoken);
  }
});

test('ReadySet: a wake of a child that was removed does nothing', () => {
  const { join, slots, task } = joined(manuals(2));
  task.poll();
  const gone = slots[0]!;
  join.set.remove(gone);
  join.set.remove(gone);
  const before = task.wakes;
  gone.wakeByRef();
  gone.wake();
  assert.equal(task.wakes, before);
  assert.equal(join.set.size, 1);
});

test('ReadySet: a child that is added between polls wakes the task', () => {
  const { join, task } = joined(manuals(1));
  task.poll();
  const late = new Manual<number>();
  join.set.add(late);
  assert.ok(task.isWoken);
  task.poll();
  assert.equal(late.polls, 1);
});

test('ReadySet: the task of the last poll is woken, no earlier one', () => {
  const children = manuals(1);
  const { join, task } = joined(children);
  task.poll();
  const second = new TestTask(join);
  second.poll();
  assert.equal(task.wakers, 0);
  children[0]!.resolve(1);
  assert.ok(second.isWoken);
  assert.ok(!task.isWoken);
});

test('ReadySet: a pass that was left early is gone on with', () => {
  const set = new ReadySet<Future<number>>();
  for (let count = 0; count < 4; count++) set.add(new Manual<number>());
  const seen: Slot<Future<number>>[] = [];
  const task = new TestTask(
    pollFn((context) => {
      set.enter(context);
      const slot = set.take();
      if (slot === undefined) return PENDING;
      seen.push(slot);
      return seen.length;
    }),
  );
  for (let count = 1; count <= 4; count++) assert.equal(task.poll(), count);
  assert.equal(new Set(seen).size, 4);
  assert.equal(task.poll(), PENDING);
  set.putBack(seen[1]!);
  assert.equal(task.poll(), 5);
  assert.equal(seen[4], seen[1]);
});

test('ReadySet: without budget a pass ends, and goes on with the others first', () => {
  const done: number[] = [];
  const child = (name: number): Future<number> =>
    pollFn<number>((context) => {
      if (!context.proceed()) return PENDING;
      done.push(name);
      return name;
    });
  const { task } = joined([child(0), child(1), child(2), child(3)]);
  task.budget = 1;
  assert.equal(task.poll(), PENDING);
  assert.ok(task.isWoken);
  assert.deepEqual(done, [0]);
  task.budget = 1;
  assert.equal(task.poll(), PENDING);
  assert.deepEqual(done, [0, 2]);
  task.budget = 10;
  assert.deepEqual(
    task.poll(),
    [0, 2, 1, 3].toSorted((a, b) => done.indexOf(a) - done.indexOf(b)),
  );
});

test('ReadySet: the slots are walked in the order of adding', () => {
  const { join, slots } = joined(manuals(4));
  join.set.remove(slots[1]!);
  const walked: unknown[] = [];
  for (let slot = join.set.first; slot !== undefined; slot = join.set.after(slot)) {
    walked.push(slot);
  }
  assert.deepEqual(walked, [slots[0], slots[2], slots[3]]);
});

test('ReadySet.cancel: gives all up at once and waits for them', () => {
  const children = manuals(3);
  children[1]!.cancelPolls = 2;
  const { join, task } = joined(children);
  task.poll();
  assert.equal(giveUp(task), 2);
  assert.deepEqual(
    children.map((child) => child.cancels),
    [1, 3, 1],
  );
  assert.equal(join.set.size, 0);
});

test('ReadySet.cancel: children that were never polled are given up, too', () => {
  const children = manuals(2);
  const { task } = joined(children);
  assert.equal(giveUp(task), 0);
  assert.deepEqual(
    children.map((child) => child.cancels),
    [1, 1],
  );
});

test('ReadySet.cancel: errors do not keep the others from being given up', () => {
  const failing = (message: string): Future<number> => ({
    poll: () => PENDING,
    cancel: () => {
      throw new Error(message);
    },
  });
  const last = new Manual<number>();
  assert.throws(() => joined<number>([failing('one'), last]).task.cancel(), /^Error: one$/);
  assert.equal(last.cancels, 1);
  assert.throws(
    () => joined<number>([failing('one'), failing('two')]).task.cancel(),
    (error: AggregateError & { code: string }) =>
      error.code === 'ERR_TASK_ERRORS' && error.errors.length === 2,
  );
});
