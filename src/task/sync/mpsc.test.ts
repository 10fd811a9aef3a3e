import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING, type Future } from '../future/index.ts';
import { END } from '../stream/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { mpsc, unboundedMpsc } from './mpsc.ts';
import {
  CallingContext,
  checkBudget,
  drop,
  pending,
  ready,
  settled,
  throwsCode,
} from './sync.test.helper.ts';

describe('mpsc delivers', () => {
  test('in order, and then the end (tokio: send_recv_with_buffer)', () => {
    const { sender, receiver } = mpsc<number>(16);
    ready(sender.send(1));
    assert.equal(sender.trySend(2), 'sent');
    assert.equal(ready(receiver.receive()), 1);
    assert.equal(ready(receiver.receive()), 2);
    sender.close();
    assert.equal(ready(receiver.receive()), undefined);
    assert.ok(receiver.isEnded);
  });

  test('to one that waits (tokio: async_send_recv_with_buffer)', () => {
    const { sender, receiver } = mpsc<number>(16);
    const task = pending(receiver.receive());
    assert.equal(receiver.waiters, 1);
    sender.trySend(1);
    assert.ok(task.isWoken);
    assert.equal(settled(task), 1);
    const ended = pending(receiver.receive());
    sender.close();
    assert.ok(ended.isWoken);
    assert.equal(settled(ended), undefined);
  });

  test('what waits to be sent, when there is a place (tokio: send_recv_buffer_limited)', () => {
    const { sender, receiver } = mpsc<number>(1);
    ready(sender.send(1));
    const second = pending(sender.send(2));
    assert.equal(sender.waiters, 1);
    assert.equal(sender.trySend(3), 'full');
    assert.equal(receiver.tryReceive(), 1);
    assert.ok(second.isWoken);
    assert.equal(sender.trySend(3), 'full', 'the place is the waiting one’s');
    settled(second);
    assert.equal(receiver.tryReceive(), 2);
  });

  test('what is sent by any number of senders', () => {
    const { sender, receiver } = mpsc<string>(4);
    const other = sender.clone();
    assert.equal(receiver.senders, 2);
    other.trySend('b');
    sender.trySend('a');
    other.close();
    assert.equal(receiver.isClosed, false);
    sender.close();
    assert.ok(receiver.isClosed);
    assert.deepEqual([receiver.tryReceive(), receiver.tryReceive()], ['b', 'a']);
    assert.ok(receiver.isEnded);
  });

  test('undefined too, if one asks isEnded', () => {
    const { sender, receiver } = mpsc<undefined>(1);
    sender.trySend(undefined);
    assert.equal(ready(receiver.next()), undefined);
    assert.equal(receiver.isEnded, false);
    sender.close();
    assert.equal(ready(receiver.next()), END);
  });

  test('as a stream', () => {
    const { sender, receiver } = mpsc<number>(2);
    const context = new CallingContext();
    assert.equal(receiver.pollNext(context), PENDING);
    sender.trySend(1);
    sender.trySend(2);
    assert.equal(context.wakes, 1);
    assert.equal(receiver.pollNext(context), 1);
    assert.equal(receiver.pollNext(context), 2);
    assert.equal(receiver.pollNext(context), PENDING);
    sender.close();
    assert.equal(context.wakes, 2);
    assert.equal(receiver.pollNext(context), END);
    assert.equal(receiver.pollNext(context), END);
    receiver.cancel();
  });

  test('needs a capacity of at least one (tokio: buffer_gteq_one)', () => {
    throwsCode(() => mpsc(0), 'ERR_OPTION_RANGE');
    throwsCode(() => mpsc(1.5), 'ERR_OPTION_TYPE');
  });

  test('for one unit of the budget each', () => {
    const { sender, receiver } = mpsc<number>(2);
    checkBudget(sender.send(1));
    assert.equal(checkBudget(receiver.receive()), 1);
    const task = pending(receiver.receive());
    sender.trySend(2);
    task.budget = 0;
    assert.equal(task.poll(), PENDING);
    assert.equal(receiver.tryReceive(), undefined, 'it is set aside');
    task.budget = 1;
    assert.equal(settled(task), 2);
    sender.close();
    checkBudget(receiver.receive());
    checkBudget(receiver.next());
  });
});

describe('mpsc shows', () => {
  test('how much is where (tokio: test_tx_capacity, test_rx_len_*, test_rx_is_empty_*)', () => {
    const { sender, receiver } = mpsc<number>(5);
    assert.deepEqual([sender.capacity, sender.available, sender.length], [5, 5, 0]);
    sender.trySend(1);
    assert.deepEqual([sender.available, sender.length, receiver.length], [4, 1, 1]);
    const permit = ready(sender.reserve(2));
    assert.deepEqual([sender.available, sender.length], [2, 1]);
    permit.release();
    for (let count = 0; count < 4; count++) sender.trySend(count);
    assert.deepEqual([sender.available, receiver.length, receiver.capacity], [0, 5, 5]);
    receiver.close();
    assert.equal(receiver.length, 5);
    for (let left = 4; left >= 0; left--) {
      receiver.tryReceive();
      assert.equal(receiver.length, left);
    }
    assert.deepEqual([receiver.length, receiver.isEnded], [0, true]);
  });

  test('many messages beyond the first slots (tokio: test_is_empty_32_msgs)', () => {
    const { sender, receiver } = mpsc<number>(33);
    for (let value = 1; value < 33; value++) {
      assert.equal(ready(sender.send(value)), undefined);
      assert.equal(receiver.length, value);
    }
    for (let value = 1; value < 33; value++) assert.equal(receiver.tryReceive(), value);
    assert.equal(receiver.length, 0);
  });
});

describe('Receiver.receiveMany', () => {
  test('gives what is there, up to the limit (tokio: send_recv_many_bounded_capacity)', () => {
    const { sender, receiver } = mpsc<number>(100);
    for (let value = 0; value < 10; value++) sender.trySend(value);
    assert.deepEqual(ready(receiver.receiveMany(9)), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(ready(receiver.receiveMany(9)), [9]);
    const task = pending(receiver.receiveMany(9));
    sender.trySend(10);
    sender.trySend(11);
    sender.close();
    assert.ok(task.isWoken);
    assert.deepEqual(settled(task), [10, 11]);
    assert.deepEqual(ready(receiver.receiveMany(9)), []);
    assert.equal(sender.available, 100);
  });

  test('leaves what is set aside for others', () => {
    const { sender, receiver } = mpsc<number>(100);
    const many = pending(receiver.receiveMany(10));
    const one = pending(receiver.receive());
    for (let value = 0; value < 3; value++) sender.trySend(value);
    assert.deepEqual(settled(many), [0, 1]);
    assert.equal(settled(one), 2);
  });

  test('makes places for who waits to send', () => {
    const { sender, receiver } = mpsc<number>(2);
    sender.trySend(1);
    sender.trySend(2);
    const waiting = [pending(sender.send(3)), pending(sender.send(4))];
    assert.deepEqual(ready(receiver.receiveMany(5)), [1, 2]);
    assert.ok(waiting.every((task) => task.isWoken));
    for (const task of waiting) settled(task);
    assert.deepEqual(ready(receiver.receiveMany(5)), [3, 4]);
  });

  test('on a closed channel gives nothing, and wants a limit', () => {
    const { receiver } = mpsc<number>(1);
    receiver.close();
    assert.deepEqual(ready(receiver.receiveMany(1)), []);
    throwsCode(() => receiver.receiveMany(0), 'ERR_OPTION_RANGE');
  });

  test('given up, loses nothing', () => {
    const { sender, receiver } = mpsc<number>(5);
    const task = pending(receiver.receiveMany(5));
    sender.trySend(1);
    sender.trySend(2);
    drop(task);
    assert.deepEqual(ready(receiver.receiveMany(5)), [1, 2]);
  });
});

describe('mpsc, giving up', () => {
  test('receive: a message set aside is the next one’s, in order', () => {
    const { sender, receiver } = mpsc<number>(5);
    const first = pending(receiver.receive());
    const second = pending(receiver.receive());
    sender.trySend(1);
    assert.deepEqual([first.isWoken, second.isWoken], [true, false]);
    assert.equal(receiver.tryReceive(), undefined);
    drop(first);
    assert.ok(second.isWoken);
    sender.trySend(2);
    drop(second);
    assert.deepEqual([receiver.tryReceive(), receiver.tryReceive()], [1, 2]);
  });

  test('receive: leaves the queue', () => {
    const { sender, receiver } = mpsc<number>(5);
    const first = pending(receiver.receive());
    const second = pending(receiver.next());
    drop(first);
    assert.equal(receiver.waiters, 1);
    sender.trySend(1);
    assert.ok(second.isWoken);
    assert.equal(settled(second), 1);
    assert.ok(new TestTask(receiver.receive()).cancel());
    const over = new TestTask(receiver.receive());
    sender.close();
    settled(over);
    drop(over);
  });

  test('send: nothing is sent, and the place goes to the next', () => {
    const { sender, receiver } = mpsc<number>(1);
    sender.trySend(1);
    const second = pending(sender.send(2));
    const third = pending(sender.send(3));
    receiver.tryReceive();
    assert.deepEqual([second.isWoken, third.isWoken], [true, false]);
    drop(second);
    assert.ok(third.isWoken);
    settled(third);
    assert.equal(receiver.tryReceive(), 3);
    assert.equal(sender.available, 1);
    const task = new TestTask(sender.send(4));
    settled(task);
    drop(task);
    assert.equal(receiver.length, 1);
  });

  test('reserve that waits: leaves the queue (tokio: start_send_past_cap)', () => {
    const { sender, receiver } = mpsc<number>(1);
    const other = sender.clone();
    sender.trySend(0);
    const first = pending(sender.reserve());
    const second = pending(other.reserve());
    drop(first);
    assert.equal(receiver.tryReceive(), 0);
    assert.ok(second.isWoken);
    drop(second);
    sender.close();
    other.close();
    assert.equal(ready(receiver.receive()), undefined);
  });

  test('a message that a task has waited for after all is kept for it', () => {
    const { sender, receiver } = mpsc<number>(5);
    const future = receiver.receive();
    const first = pending(future);
    const second = pending(future);
    sender.trySend(1);
    assert.deepEqual([first.isWoken, second.isWoken], [false, true]);
    assert.equal(settled(second), 1);
  });
});

describe('unboundedMpsc', () => {
  test('takes messages without waiting (tokio: send_recv_unbounded)', () => {
    const { sender, receiver } = unboundedMpsc<number>();
    for (let value = 0; value < 5000; value++) assert.equal(sender.send(value), true);
    for (let value = 0; value < 5000; value++) assert.equal(ready(receiver.receive()), value);
    const task = pending(receiver.receive());
    const other = sender.clone();
    sender.close();
    assert.equal(sender.send(1), false);
    assert.equal(other.send(2), true);
    assert.ok(task.isWoken);
    assert.equal(settled(task), 2);
    other.close();
    assert.equal(ready(receiver.receive()), undefined);
  });

  test('has a limit, beyond which sending fails', () => {
    const { sender, receiver } = unboundedMpsc<number>({ limit: 2 });
    assert.equal(unboundedMpsc().sender.capacity, 2 ** 20);
    assert.deepEqual([sender.capacity, sender.send(1), sender.trySend(2)], [2, true, 'sent']);
    assert.equal(sender.trySend(3), 'full');
    throwsCode(() => sender.send(3), 'ERR_CHANNEL_FULL');
    assert.equal(receiver.tryReceive(), 1);
    assert.equal(sender.send(3), true);
    receiver.close();
    assert.deepEqual([sender.send(4), sender.trySend(4)], [false, 'closed']);
    throwsCode(() => unboundedMpsc({ limit: 0 }), 'ERR_OPTION_RANGE');
    throwsCode(() => unboundedMpsc({ capacity: 1 } as object), 'ERR_OPTION_UNKNOWN');
  });

  test('gives many at once (tokio: send_recv_many_unbounded)', () => {
    const { sender, receiver } = unboundedMpsc<number>();
    for (let value = 0; value < 10; value++) sender.send(value);
    assert.equal(ready(receiver.receiveMany(9)).length, 9);
    assert.deepEqual(ready(receiver.receiveMany(9)), [9]);
    sender.close();
    assert.deepEqual(ready(receiver.receiveMany(9)), []);
  });
});

describe('mpsc with wakers that call back', () => {
  test('a message sent while the waker is cloned is received at once', () => {
    const { sender, receiver } = mpsc<number>(1);
    const context = new CallingContext({ clone: () => void sender.trySend(1) });
    assert.equal(receiver.receive().poll(context), 1);
    assert.deepEqual([receiver.waiters, receiver.length], [0, 0]);
  });

  test('a place that comes free while the waker is cloned is taken at once', () => {
    const { sender, receiver } = mpsc<number>(1);
    sender.trySend(1);
    const context = new CallingContext({ clone: () => void receiver.tryReceive() });
    assert.equal(sender.send(2).poll(context), undefined);
    assert.equal(receiver.tryReceive(), 2);
  });

  test('receiving from within wake works, while sending goes on', () => {
    const { sender, receiver } = mpsc<number>(1);
    const got: unknown[] = [];
    const context = new CallingContext();
    let future: Future<number | undefined> = receiver.receive();
    context.on.wake = () => {
      got.push(future.poll(context));
      future = receiver.receive();
      assert.equal(future.poll(context), PENDING);
    };
    assert.equal(future.poll(context), PENDING);
    for (let value = 0; value < 3; value++) assert.equal(sender.trySend(value), 'sent');
    assert.deepEqual(got, [0, 1, 2]);
    future.cancel?.(context);
    assert.deepEqual([sender.available, receiver.waiters], [1, 0]);
  });

  test('disposing the receiver from within wake works', () => {
    const { sender, receiver } = mpsc<number>(1);
    const context = new CallingContext({ wake: () => receiver[Symbol.dispose]() });
    const future = receiver.receive();
    assert.equal(future.poll(context), PENDING);
    const second = pending(receiver.receive());
    assert.equal(sender.trySend(1), 'sent');
    assert.equal(future.poll(context), undefined, 'the message is gone with the receiver');
    assert.equal(settled(second), undefined);
    assert.equal(sender.trySend(2), 'closed');
  });
});
