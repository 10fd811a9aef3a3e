import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { END } from '../stream/index.ts';
import { TestTask } from '../testing/test-task.ts';
import {
  CallingContext,
  checkBudget,
  drop,
  pending,
  ready,
  settled,
  throwsCode,
} from './sync.test.helper.ts';
import { watch } from './watch.ts';

describe('watch, a receiver', () => {
  test('waits for a change and sees it (tokio: single_rx_recv)', () => {
    const { sender, receiver } = watch('one');
    const task = pending(receiver.changed());
    assert.equal(receiver.value, 'one');
    assert.equal(sender.send('two'), true);
    assert.ok(task.isWoken);
    assert.equal(settled(task), 'two');
    const next = pending(receiver.changed());
    sender.close();
    assert.ok(next.isWoken);
    throwsCode(() => next.poll(), 'ERR_CHANNEL_CLOSED');
    assert.equal(next.wakers, 0);
    assert.equal(receiver.value, 'two');
  });

  test('sees only the latest of several changes', () => {
    const { sender, receiver } = watch(0);
    for (let value = 1; value <= 3; value++) sender.send(value);
    assert.equal(ready(receiver.changed()), 3);
    pending(receiver.changed());
  });

  test('is told of each set, also of the same value', () => {
    const { sender, receiver } = watch(1);
    sender.send(1);
    assert.ok(receiver.hasChanged);
  });

  test('each for itself (tokio: multi_rx)', () => {
    const { sender, receiver } = watch('one');
    const second = receiver.clone();
    const tasks = [pending(receiver.changed()), pending(second.changed())];
    assert.deepEqual([sender.receivers, sender.waiters], [2, 2]);
    sender.send('two');
    assert.equal(settled(tasks[0]!), 'two');
    assert.deepEqual([receiver.hasChanged, second.hasChanged], [false, true]);
    sender.send('three');
    assert.equal(settled(tasks[1]!), 'three');
    assert.equal(ready(receiver.changed()), 'three');
  });

  test('sees the last value before the end (tokio: rx_observes_final_value)', () => {
    const { sender, receiver } = watch('one');
    sender.send('two');
    sender.close();
    assert.ok(receiver.isClosed);
    assert.equal(ready(receiver.changed()), 'two');
    throwsCode(() => ready(receiver.changed()), 'ERR_CHANNEL_CLOSED');
  });

  test('observes and counts it as seen (tokio: borrow_and_update)', () => {
    const { sender, receiver } = watch('one');
    assert.equal(receiver.hasChanged, false);
    sender.send('two');
    assert.equal(receiver.value, 'two');
    assert.ok(receiver.hasChanged);
    assert.equal(receiver.observe(), 'two');
    assert.equal(receiver.hasChanged, false);
    pending(receiver.changed());
  });

  test('marks (tokio: rx_mark_changed, rx_mark_unchanged, rx_version_underflow)', () => {
    const { sender, receiver } = watch('one');
    receiver.markChanged();
    receiver.markChanged();
    assert.ok(receiver.hasChanged);
    assert.equal(ready(receiver.changed()), 'one');
    const other = receiver.clone();
    receiver.markChanged();
    assert.equal(other.hasChanged, false);
    sender.send('two');
    receiver.markUnchanged();
    assert.equal(receiver.hasChanged, false);
    pending(receiver.changed());
    assert.deepEqual([receiver.clone().hasChanged, other.clone().hasChanged], [false, true]);
  });

  test('is woken when the last sender closes (receiver_is_notified_when_last_sender_is_dropped)', () => {
    const { sender, receiver } = watch(0);
    const other = sender.clone();
    const task = pending(receiver.changed());
    sender.close();
    sender.close();
    assert.equal(task.isWoken, false);
    other.send(1);
    assert.equal(settled(task), 1);
    const next = pending(receiver.changed());
    other[Symbol.dispose]();
    assert.ok(next.isWoken);
  });

  test('given up while it waits, has seen nothing', () => {
    const { sender, receiver } = watch(0);
    const task = pending(receiver.changed());
    sender.send(1);
    drop(task);
    assert.ok(receiver.hasChanged);
    assert.equal(sender.waiters, 0);
    assert.ok(new TestTask(receiver.changed()).cancel());
  });

  test('disposed: who waits with it is told', () => {
    const { sender, receiver } = watch(0);
    const second = receiver.clone();
    const own = pending(receiver.changed());
    const fits = pending(receiver.waitFor((value) => value > 9));
    const other = pending(second.changed());
    receiver[Symbol.dispose]();
    receiver[Symbol.dispose]();
    assert.ok(own.isWoken && fits.isWoken);
    throwsCode(() => own.poll(), 'ERR_CHANNEL_CLOSED');
    throwsCode(() => fits.poll(), 'ERR_CHANNEL_CLOSED');
    assert.equal(other.poll(), PENDING);
    assert.deepEqual([receiver.hasChanged, receiver.isClosed, sender.receivers], [false, true, 1]);
  });

  test('takes one unit of the budget, for errors too (tokio: *_is_cooperative)', () => {
    const { sender, receiver } = watch(0);
    sender.send(1);
    checkBudget(receiver.changed());
    checkBudget(receiver.waitFor(() => true));
    sender.close();
    const task = new TestTask(receiver.changed());
    task.budget = 0;
    assert.equal(task.poll(), PENDING);
    task.budget = 1;
    throwsCode(() => task.poll(), 'ERR_CHANNEL_CLOSED');
    receiver[Symbol.dispose]();
    checkBudget(sender.closed());
  });

  test('as a stream gives each change, to the end', () => {
    const { sender, receiver } = watch(0);
    const context = new CallingContext();
    assert.equal(receiver.pollNext(context), PENDING);
    sender.send(1);
    assert.equal(context.wakes, 1);
    assert.equal(receiver.pollNext(context), 1);
    const next = pending(receiver.next());
    sender.send(2);
    sender.close();
    assert.equal(settled(next), 2);
    assert.equal(receiver.pollNext(context), END);
    receiver.cancel();
    assert.equal(receiver.pollNext(context), END);
  });
});

describe('WatchReceiver.waitFor', () => {
  test('is ready when the value fits, now or later', () => {
    const { sender, receiver } = watch(1);
    assert.equal(ready(receiver.waitFor((value) => value === 1)), 1);
    const task = pending(receiver.waitFor((value) => value > 4));
    sender.send(2);
    assert.equal(task.poll(), PENDING);
    sender.send(5);
    assert.equal(settled(task), 5);
    assert.equal(receiver.hasChanged, false);
  });

  test('asks once for each value', () => {
    const { sender, receiver } = watch(1);
    let asked = 0;
    const task = pending(receiver.waitFor((value) => ((asked += 1), value > 1)));
    task.poll();
    assert.equal(asked, 1);
    sender.send(2);
    settled(task);
    assert.equal(asked, 2);
  });

  test('throws when the channel closes unless the last value fits', () => {
    const { sender, receiver } = watch('A');
    sender.send('B');
    const task = pending(receiver.waitFor((value) => value === 'C'));
    sender.close();
    assert.ok(task.isWoken);
    throwsCode(() => task.poll(), 'ERR_CHANNEL_CLOSED');
    assert.equal(ready(receiver.waitFor((value) => value === 'B')), 'B');
  });

  test('leaves the queue when the predicate throws', () => {
    const { sender, receiver } = watch(0);
    const task = pending(
      receiver.waitFor((value) => {
        if (value > 0) throw new Error('bad value');
        return false;
      }),
    );
    sender.send(1);
    pending(receiver.waitFor((value) => value > 1));
    assert.throws(() => task.poll(), /bad value/);
    assert.deepEqual([sender.waiters, task.wakers], [1, 0]);
  });

  test('asks again when the predicate itself changes the value', () => {
    const { sender, receiver } = watch(0);
    const value = ready(
      receiver.waitFor((now) => {
        if (now === 0) sender.send(1);
        return now === 1;
      }),
    );
    assert.equal(value, 1);
  });
});

describe('WatchSender', () => {
  test('send keeps the value when nobody receives; replace sets it', () => {
    const { sender, receiver } = watch('one');
    receiver[Symbol.dispose]();
    assert.equal(sender.send('two'), false);
    assert.equal(sender.value, 'one');
    assert.equal(sender.replace('three'), 'one');
    const late = sender.subscribe();
    assert.deepEqual([late.value, late.hasChanged], ['three', false]);
  });

  test('closed waits until nobody receives (tokio: poll_close)', () => {
    const { sender, receiver } = watch('one');
    const task = pending(sender.closed());
    receiver[Symbol.dispose]();
    assert.ok(task.isWoken);
    settled(task);
    assert.ok(sender.isClosed);
  });

  test('opens again when somebody subscribes (tokio: reopened_after_subscribe)', () => {
    const { sender, receiver } = watch('one');
    receiver[Symbol.dispose]();
    const late = sender.subscribe();
    assert.equal(sender.isClosed, false);
    const task = pending(sender.closed());
    late[Symbol.dispose]();
    settled(task);
  });

  test('update tells only of what is another value (tokio: send_modify, send_if_modified)', () => {
    const { sender, receiver } = watch(1);
    assert.equal(
      sender.update((value) => value),
      false,
    );
    assert.equal(receiver.hasChanged, false);
    assert.equal(
      sender.update((value) => value + 1),
      true,
    );
    assert.equal(ready(receiver.changed()), 2);
  });

  test('update that throws changes nothing (tokio: send_modify_panic)', () => {
    const { sender, receiver } = watch('one');
    const task = pending(receiver.changed());
    const fail = (): never => {
      throw new Error('bad change');
    };
    assert.throws(() => sender.update(fail), /bad change/);
    assert.deepEqual([task.isWoken, sender.value], [false, 'one']);
    sender.send('three');
    assert.equal(settled(task), 'three');
  });

  test('any of several changes it (tokio: multiple_sender)', () => {
    const { sender, receiver } = watch(0);
    const other = sender.clone();
    const task = pending(receiver.changed());
    other.send(1);
    assert.equal(settled(task), 1);
    sender.send(2);
    assert.equal(other.value, 2);
    other.close();
    assert.equal(receiver.isClosed, false);
    throwsCode(() => other.clone(), 'ERR_CHANNEL_CLOSED');
    throwsCode(() => other.subscribe(), 'ERR_CHANNEL_CLOSED');
    throwsCode(() => other.replace(1), 'ERR_CHANNEL_CLOSED');
    throwsCode(() => other.update(() => 1), 'ERR_CHANNEL_CLOSED');
    assert.equal(other.send(1), false);
  });

  test('a value sent while the waker is cloned is seen at once', () => {
    const { sender, receiver } = watch(0);
    const context = new CallingContext({ clone: () => void sender.send(1) });
    assert.equal(receiver.changed().poll(context), 1);
  });
});
