/** What the tests of this folder share. */
import assert from 'node:assert/strict';
import { PENDING, type Context, type Future, type Waker } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';

/** A task whose first poll was pending. */
export function pending<T>(future: Future<T>): TestTask<T> {
  const task = new TestTask(future);
  assert.equal(task.poll(), PENDING);
  assert.equal(task.isWoken, false);
  return task;
}

/** The value of a future that is ready at its first poll. */
export function ready<T>(future: Future<T>): T {
  return settled(new TestTask(future));
}

/** The value of a task that is ready when polled, and has kept no waker then. */
export function settled<T>(task: TestTask<T>): T {
  const value = task.poll();
  assert.notEqual(value, PENDING, 'the task is still pending');
  assert.equal(task.wakers, 0, 'a waker was kept');
  return value as T;
}

/** Gives a task up, after which it must have let go of its waker. */
export function drop(task: TestTask<unknown>): void {
  assert.equal(task.cancel(), true);
  assert.equal(task.wakers, 0, 'a waker was kept');
}

/** A context of another make, whose waker runs what it is given at once. */
export class CallingContext implements Context {
  /** Called by the operation of that name. */
  readonly on: { wake?: () => void; clone?: () => void; drop?: () => void } = {};
  wakes = 0;
  readonly waker: Waker;

  constructor(on: { wake?: () => void; clone?: () => void; drop?: () => void } = {}) {
    this.on = on;
    const wakeByRef = (): void => {
      this.wakes += 1;
      this.on.wake?.();
    };
    const waker: Waker = {
      wake: wakeByRef,
      wakeByRef,
      clone: () => {
        this.on.clone?.();
        return waker;
      },
      drop: () => this.on.drop?.(),
      willWake: (other) => other === waker,
    };
    this.waker = waker;
  }

  proceed(): boolean {
    return true;
  }
}

/** That something throws an error with this code. */
export function throwsCode(run: () => unknown, code: string): void {
  assert.throws(run, { code });
}

/** Polls once with no budget left, which must leave the future as it was; then with budget. */
export function checkBudget<T>(future: Future<T>): T {
  const task = new TestTask(future);
  task.budget = 0;
  assert.equal(task.poll(), PENDING);
  assert.ok(task.isWoken, 'a poll without budget wakes the task');
  task.budget = 1;
  const value = task.poll();
  assert.notEqual(value, PENDING);
  assert.equal(task.budget, 0, 'one operation takes one unit');
  return value as T;
}
