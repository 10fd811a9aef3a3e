import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING, type Future } from '../future/index.ts';
import { END } from '../stream/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { broadcast, LaggedError, type BroadcastReceiver } from './broadcast.ts';
import {
  CallingContext,
  checkBudget,
  drop,
  pending,
  ready,
  settled,
  throwsCode,
} from './sync.test.helper.ts';

/** Receives expecting to have lost so many. */
function lags(receiver: BroadcastReceiver<unknown>, lost: number): void {
  assert.throws(
    () => receiver.tryReceive(),
    (error) => error instanceof LaggedError && error.lost === lost,
  );
}

/** Everything that can be received now. */
function drain<T>(receiver: BroadcastReceiver<T>): T[] {
  const messages: T[] = [];
  while (receiver.length > 0) messages.push(receiver.tryReceive() as T);
  return messages;
}

describe('broadcast delivers', () => {
  test('to every receiver, once (tokio: send_two_recv)', () => {
    const { sender, receiver } = broadcast<string>(16);
    const second = sender.subscribe();
    assert.equal(receiver.tryReceive(), undefined);
    assert.equal(sender.send('hello'), 2);
    assert.deepEqual([receiver.tryReceive(), second.tryReceive()], ['hello', 'hello']);
    assert.equal(second.tryReceive(), undefined);
    assert.equal(sender.send('world'), 2);
    assert.deepEqual([second.tryReceive(), receiver.tryReceive()], ['world', 'world']);
  });

  test('to those that wait (tokio: send_recv_bounded, send_two_recv_bounded)', () => {
    const { sender, receiver } = broadcast<number>(16);
    const second = sender.subscribe();
    const tasks = [pending(receiver.receive()), pending(second.receive())];
    assert.equal(sender.waiters, 2);
    sender.send(1);
    for (const task of tasks) {
      assert.ok(task.isWoken);
      assert.equal(settled(task), 1);
    }
    const next = pending(receiver.receive());
    sender.send(2);
    assert.equal(settled(next), 2);
    assert.equal(second.tryReceive(), 2);
  });

  test('to receivers from when they were made (tokio: drop_rx_while_values_remain)', () => {
    const { sender, receiver } = broadcast<number>(16);
    sender.send(1);
    const late = sender.subscribe();
    sender.send(2);
    assert.deepEqual([drain(receiver), drain(late)], [[1, 2], [2]]);
    receiver[Symbol.dispose]();
    assert.equal(sender.send(3), 1);
    assert.deepEqual(drain(late), [3]);
  });

  test('to the task that polled last (tokio: change_tasks)', () => {
    const { sender, receiver } = broadcast<number>(1);
    const future = receiver.receive();
    const first = pending(future);
    const second = pending(future);
    sender.send(1);
    assert.deepEqual([first.isWoken, second.isWoken], [false, true]);
  });

  test('to nobody when nobody is there (tokio: send_no_rx)', () => {
    const { sender, receiver } = broadcast<string>(16);
    receiver[Symbol.dispose]();
    assert.equal(sender.send('hello'), 0);
    const late = sender.subscribe();
    sender.send('world');
    assert.deepEqual(drain(late), ['world']);
  });

  test('to several that wait with one receiver: the first gets it', () => {
    const { sender, receiver } = broadcast<number>(4);
    const tasks = [pending(receiver.receive()), pending(receiver.receive())];
    sender.send(1);
    assert.ok(tasks.every((task) => task.isWoken));
    assert.equal(settled(tasks[0]!), 1);
    assert.equal(tasks[1]!.poll(), PENDING);
    sender.send(2);
    assert.equal(settled(tasks[1]!), 2);
  });

  test('as a stream, to its end', () => {
    const { sender, receiver } = broadcast<number>(4);
    const context = new CallingContext();
    assert.equal(receiver.pollNext(context), PENDING);
    sender.send(1);
    assert.equal(context.wakes, 1);
    assert.equal(receiver.pollNext(context), 1);
    const next = pending(receiver.next());
    sender.close();
    assert.equal(settled(next), END);
    assert.equal(receiver.pollNext(context), END);
    receiver.cancel();
    assert.equal(receiver.pollNext(context), END);
  });

  test('for one unit of the budget', () => {
    const { sender, receiver } = broadcast<number>(4);
    sender.send(1);
    assert.equal(checkBudget(receiver.receive()), 1);
    sender.close();
    checkBudget(receiver.receive());
  });

  test('what a given-up receive did not take', () => {
    const { sender, receiver } = broadcast<number>(4);
    const task = pending(receiver.receive());
    sender.send(1);
    drop(task);
    assert.equal(ready(receiver.receive()), 1);
    drop(pending(receiver.receive()));
    assert.equal(sender.waiters, 0);
    assert.ok(new TestTask(receiver.receive()).cancel());
  });
});

describe('broadcast to the slow', () => {
  test('loses the oldest and says how many (tokio: send_slow_rx, lagging_rx)', () => {
    const { sender, receiver } = broadcast<string>(2);
    const fast = sender.subscribe();
    sender.send('one');
    assert.equal(fast.tryReceive(), 'one');
    sender.send('two');
    assert.equal(fast.tryReceive(), 'two');
    sender.send('three');
    assert.equal(fast.tryReceive(), 'three');
    lags(receiver, 1);
    assert.deepEqual([receiver.tryReceive(), receiver.lost], ['two', 1]);
    sender.send('four');
    sender.send('five');
    lags(receiver, 1);
    assert.deepEqual(drain(receiver), ['four', 'five']);
    assert.deepEqual(drain(fast), ['four', 'five']);
    assert.deepEqual([receiver.lost, fast.lost], [2, 0]);
  });

  test('goes on silently when told to', () => {
    const { sender, receiver } = broadcast<number>(2, { onLag: 'skip' });
    for (let value = 1; value <= 5; value++) sender.send(value);
    assert.deepEqual([ready(receiver.receive()), receiver.lost], [4, 3]);
    throwsCode(() => sender.subscribe({ onLag: 'x' as 'skip' }), 'ERR_OPTION_TYPE');
    throwsCode(() => receiver.resubscribe({ lag: 'skip' } as object), 'ERR_OPTION_UNKNOWN');
  });

  test('throws once while it waits, then goes on (tokio: async_recv_lagged_then_resumes…)', () => {
    const { sender, receiver } = broadcast<number>(2);
    const task = pending(receiver.receive());
    for (let value = 1; value <= 4; value++) sender.send(value);
    assert.throws(
      () => task.poll(),
      (error) =>
        error instanceof LaggedError && error.lost === 2 && error.code === 'ERR_CHANNEL_LAGGED',
    );
    assert.equal(task.wakers, 0);
    drop(task);
    assert.equal(ready(receiver.receive()), 3);
  });

  test('loses nothing within the capacity, which is kept exactly', () => {
    // tokio: slow_receiver_within_capacity_does_not_lag; there capacities are powers of two.
    const { sender, receiver } = broadcast<number>(3);
    for (let value = 1; value <= 3; value++) sender.send(value);
    assert.deepEqual(drain(receiver), [1, 2, 3]);
    for (let value = 4; value <= 7; value++) sender.send(value);
    lags(receiver, 1);
    assert.deepEqual(drain(receiver), [5, 6, 7]);
  });

  test('with room for one (tokio: single_capacity_recvs, single_slot_capacity_lag_semantics)', () => {
    const { sender, receiver } = broadcast<number>(1);
    sender.send(1);
    assert.equal(receiver.tryReceive(), 1);
    sender.send(2);
    sender.send(3);
    sender.send(4);
    lags(receiver, 2);
    assert.equal(receiver.tryReceive(), 4);
    assert.equal(receiver.tryReceive(), undefined);
    throwsCode(() => broadcast(0), 'ERR_OPTION_RANGE');
    throwsCode(() => broadcast(2 ** 31), 'ERR_OPTION_RANGE');
  });

  test('again before it has read what was left (lag_again_before_reading_retained_messages)', () => {
    const { sender, receiver } = broadcast<number>(2);
    for (let value = 1; value <= 4; value++) sender.send(value);
    lags(receiver, 2);
    sender.send(5);
    lags(receiver, 1);
    assert.deepEqual([drain(receiver), receiver.lost], [[4, 5], 3]);
  });

  test('is each receiver’s own (tokio: lag_is_per_receiver, resubscribe_lagged)', () => {
    const { sender, receiver } = broadcast<number>(1);
    sender.send(1);
    sender.send(2);
    const fresh = receiver.resubscribe();
    assert.equal(fresh.length, 0);
    sender.send(3);
    assert.equal(fresh.tryReceive(), 3);
    lags(receiver, 2);
    assert.equal(receiver.tryReceive(), 3);
  });

  test('counts what can be received (tokio: receiver_len_with_lagged)', () => {
    const { sender, receiver } = broadcast<number>(3);
    for (let value = 1; value <= 4; value++) sender.send(value);
    assert.deepEqual([receiver.length, receiver.capacity], [3, 3]);
    lags(receiver, 1);
    assert.equal(receiver.length, 3);
    receiver.tryReceive();
    assert.equal(receiver.length, 2);
    receiver[Symbol.dispose]();
    assert.equal(receiver.length, 0);
  });

  test('still gives what is left after the end (lagging_receiver_recovers_after_wrap_closed)', () => {
    const { sender, receiver } = broadcast<number>(2);
    for (let value = 1; value <= 3; value++) sender.send(value);
    sender.close();
    lags(receiver, 1);
    assert.deepEqual([receiver.tryReceive(), receiver.isClosed], [2, true]);
    assert.equal(receiver.isEnded, false);
    assert.equal(receiver.tryReceive(), 3);
    assert.ok(receiver.isEnded);
    assert.equal(ready(receiver.receive()), undefined);
  });
});

describe('broadcast ends', () => {
  test('when all senders are closed (tokio: dropping_tx_notifies_rx)', () => {
    const { sender, receiver } = broadcast<number>(16);
    const second = sender.subscribe();
    const other = sender.clone();
    const tasks = [pending(receiver.receive()), pending(second.receive())];
    sender.close();
    sender.close();
    assert.ok(tasks.every((task) => !task.isWoken));
    other[Symbol.dispose]();
    for (const task of tasks) {
      assert.ok(task.isWoken);
      assert.equal(settled(task), undefined);
    }
    assert.equal(sender.send(1), 0);
    throwsCode(() => sender.clone(), 'ERR_CHANNEL_CLOSED');
    throwsCode(() => sender.subscribe(), 'ERR_CHANNEL_CLOSED');
    assert.equal(ready(receiver.resubscribe().receive()), undefined);
  });

  test('closing overwrites nothing (tokio: dropping_sender_does_not_overwrite)', () => {
    const { sender, receiver } = broadcast<number>(2);
    sender.send(1);
    sender.send(2);
    sender.close();
    assert.deepEqual(drain(receiver), [1, 2]);
    assert.ok(receiver.isEnded);
  });

  test('for a receiver that is disposed, and for who waits with it', () => {
    const { sender, receiver } = broadcast<number>(2);
    const other = sender.subscribe();
    const own = pending(receiver.receive());
    const theirs = pending(other.receive());
    receiver[Symbol.dispose]();
    receiver[Symbol.dispose]();
    assert.ok(own.isWoken);
    assert.equal(settled(own), undefined);
    assert.equal(theirs.poll(), PENDING);
    assert.deepEqual(
      [sender.receivers, receiver.isEnded, receiver.tryReceive()],
      [1, true, undefined],
    );
  });

  test('for the sender: closed (tokio: broadcast_sender_closed_with_extra_subscribe)', () => {
    const { sender, receiver } = broadcast<number>(2);
    const second = sender.subscribe();
    const task = pending(sender.closed());
    receiver[Symbol.dispose]();
    assert.equal(task.isWoken, false);
    second[Symbol.dispose]();
    assert.ok(task.isWoken);
    assert.ok(sender.isClosed);
    const third = sender.subscribe();
    assert.equal(task.poll(), PENDING, 'there is a receiver again');
    assert.equal(sender.isClosed, false);
    third[Symbol.dispose]();
    settled(task);
  });
});

describe('broadcast keeps', () => {
  test('what somebody has yet to get, and nothing else (tokio: sender_len)', () => {
    const { sender, receiver } = broadcast<number>(4);
    const second = sender.subscribe();
    assert.deepEqual([sender.length, sender.capacity, sender.receivers], [0, 4, 2]);
    for (let value = 1; value <= 3; value++) sender.send(value);
    drain(receiver);
    assert.equal(sender.length, 3);
    second.tryReceive();
    assert.equal(sender.length, 2);
    second[Symbol.dispose]();
    assert.equal(sender.length, 0);
    for (let value = 1; value <= 6; value++) sender.send(value);
    assert.equal(sender.length, 4);
    receiver[Symbol.dispose]();
    assert.equal(sender.length, 0);
  });
});

describe('broadcast with wakers that call back', () => {
  test('sending from within wake and drop works (tokio: send_in_waker_drop)', () => {
    const { sender, receiver } = broadcast<number>(16);
    const context = new CallingContext({ drop: () => void sender.send(7) });
    const given: Future<unknown> = receiver.receive();
    given.poll(context);
    given.cancel?.(context);
    assert.equal(receiver.tryReceive(), 7);
    let left = 3;
    const again = new CallingContext({ wake: () => void (left-- > 0 && sender.send(left)) });
    assert.equal(receiver.receive().poll(again), PENDING);
    assert.equal(receiver.receive().poll(again), PENDING);
    sender.send(9);
    assert.deepEqual(drain(receiver), [9, 2, 1]);
  });

  test('a message sent while the waker is cloned is received at once', () => {
    const { sender, receiver } = broadcast<number>(16);
    const context = new CallingContext({ clone: () => void sender.send(1) });
    assert.equal(receiver.receive().poll(context), 1);
  });
});
