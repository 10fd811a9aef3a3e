import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING, pollFn, type Coroutine } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { Notify } from './notify.ts';
import { OnceCell } from './once-cell.ts';
import { checkBudget, drop, pending, ready, settled } from './sync.test.helper.ts';

describe('OnceCell', () => {
  test('is empty, then set, once (tokio: get_uninit, set_and_get, set_twice, from)', () => {
    const cell = new OnceCell<number>();
    assert.deepEqual([cell.isSet, cell.get()], [false, undefined]);
    assert.equal(cell.set(5), 'set');
    assert.equal(cell.set(6), 'taken');
    assert.deepEqual([cell.isSet, cell.get()], [true, 5]);
    assert.equal(OnceCell.of(2).get(), 2);
  });

  test('can hold undefined', () => {
    const cell = OnceCell.of(undefined);
    assert.ok(cell.isSet);
    assert.equal(ready(cell.getOrInit(() => assert.fail('there is a value'))), undefined);
  });

  test('takes what init gives: a value, a coroutine, a future (tokio: get_or_init)', () => {
    assert.equal(ready(new OnceCell<number>().getOrInit(() => 5)), 5);
    const made = new OnceCell<number>();
    // oxlint-disable-next-line require-yield -- A coroutine that waits for nothing.
    const init = function* (): Coroutine<number> {
      return 6;
    };
    assert.equal(ready(made.getOrInit(init)), 6);
    assert.equal(ready(made.getOrInit(() => 7)), 6, 'there is a value already');
    assert.equal(made.get(), 6);
  });

  test('others wait for the one that makes it', () => {
    const cell = new OnceCell<number>();
    const gate = new Notify();
    const first = pending(
      cell.getOrInit(function* (): Coroutine<number> {
        yield* gate.notified();
        return 1;
      }),
    );
    const others = [pending(cell.getOrInit(() => 2)), pending(cell.getOrInit(() => 3))];
    assert.equal(cell.waiters, 2);
    assert.equal(cell.set(4), 'initializing');
    gate.notifyOne();
    assert.equal(settled(first), 1);
    for (const other of others) {
      assert.ok(other.isWoken);
      assert.equal(settled(other), 1);
    }
    assert.equal(cell.waiters, 0);
  });

  test('when init throws, the next tries with its own (tokio: get_or_try_init)', () => {
    const cell = new OnceCell<number>();
    const gate = new Notify();
    const first = pending(
      cell.getOrInit(function* (): Coroutine<number> {
        yield* gate.notified();
        throw new Error('no luck');
      }),
    );
    const second = pending(cell.getOrInit(() => 2));
    gate.notifyOne();
    assert.throws(() => first.poll(), /no luck/);
    assert.equal(cell.isSet, false);
    assert.ok(second.isWoken);
    assert.equal(settled(second), 2);
    drop(first);
  });

  test('an init that throws at once leaves the cell empty', () => {
    const cell = new OnceCell<number>();
    const fail = (): number => {
      throw new Error('no luck');
    };
    assert.throws(() => ready(cell.getOrInit(fail)), /no luck/);
    assert.equal(cell.set(1), 'set');
  });

  test('when the caller is given up, the next tries after its init was cancelled', () => {
    const cell = new OnceCell<number>();
    let isClean = false;
    const slow = pollFn<number>(
      () => PENDING,
      () => (isClean ? undefined : PENDING),
    );
    const first = pending(cell.getOrInit(() => slow));
    const second = pending(cell.getOrInit(() => 2));
    assert.equal(first.cancel(), false);
    assert.equal(second.isWoken, false, 'the first still cleans up');
    isClean = true;
    assert.equal(first.cancel(), true);
    assert.ok(second.isWoken);
    assert.equal(settled(second), 2);
  });

  test('who waits and is given up leaves the queue, or hands the turn on', () => {
    const cell = new OnceCell<number>();
    const first = pending(cell.getOrInit(() => pollFn<number>(() => PENDING)));
    const second = pending(cell.getOrInit(() => 2));
    const third = pending(cell.getOrInit(() => 3));
    drop(first);
    assert.deepEqual([second.isWoken, third.isWoken], [true, false]);
    drop(second);
    assert.ok(third.isWoken);
    assert.equal(settled(third), 3);
    assert.ok(new TestTask(cell.getOrInit(() => 4)).cancel());
  });

  test('takes one unit of the budget', () => {
    const cell = new OnceCell<number>();
    assert.equal(checkBudget(cell.getOrInit(() => 1)), 1);
    assert.equal(checkBudget(cell.getOrInit(() => 2)), 1);
  });
});
