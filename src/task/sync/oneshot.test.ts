import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { oneshot } from './oneshot.ts';
import {
  CallingContext,
  checkBudget,
  drop,
  pending,
  ready,
  settled,
  throwsCode,
} from './sync.test.helper.ts';

describe('oneshot', () => {
  test('delivers what is sent before or after the first poll', () => {
    const early = oneshot<number>();
    assert.equal(early.sender.send(1), true);
    assert.equal(ready(early.receiver), 1);
    const late = oneshot<number>();
    const task = pending(late.receiver);
    assert.equal(late.sender.send(2), true);
    assert.ok(task.isWoken);
    assert.equal(settled(task), 2);
  });

  test('delivers once', () => {
    const { sender, receiver } = oneshot<number>();
    assert.equal(sender.send(1), true);
    assert.equal(sender.send(2), false);
    assert.equal(ready(receiver), 1);
    throwsCode(() => ready(receiver), 'ERR_TASK_OVER');
    assert.equal(sender.send(3), false);
  });

  test('delivers undefined too', () => {
    const { sender, receiver } = oneshot<undefined>();
    sender.send(undefined);
    assert.ok(receiver.hasMessage);
    assert.equal(ready(receiver), undefined);
    assert.ok(receiver.isEnded);
  });

  test('tells the receiver that the sender is closed (tokio: close_tx)', () => {
    const { sender, receiver } = oneshot<number>();
    const task = pending(receiver);
    {
      using own = sender;
      assert.equal(own.isClosed, false);
    }
    assert.ok(task.isWoken);
    throwsCode(() => task.poll(), 'ERR_CHANNEL_CLOSED');
    assert.equal(task.wakers, 0);
    assert.ok(sender.isClosed);
    assert.equal(sender.send(1), false);
  });

  test('tells the sender that the receiver is gone (tokio: close_rx, async_rx_closed)', () => {
    const { sender, receiver } = oneshot<number>();
    const task = pending(sender.closed());
    receiver[Symbol.dispose]();
    assert.ok(task.isWoken);
    settled(task);
    assert.ok(sender.isClosed);
    assert.equal(sender.send(1), false);
    receiver[Symbol.dispose]();
  });

  test('close still gives what was sent before (tokio: close_try_recv_poll)', () => {
    const { sender, receiver } = oneshot<number>();
    sender.send(17);
    receiver.close();
    assert.equal(receiver.tryReceive(), 17);
    const other = oneshot<number>();
    other.sender.send(18);
    other.receiver.close();
    assert.equal(ready(other.receiver), 18);
  });

  test('close without a message: none will come (tokio: explicit_close_poll)', () => {
    const { sender, receiver } = oneshot<number>();
    const task = pending(sender.closed());
    receiver.close();
    assert.ok(task.isWoken);
    assert.equal(sender.send(1), false);
    assert.equal(receiver.tryReceive(), undefined);
    throwsCode(() => ready(receiver), 'ERR_CHANNEL_CLOSED');
    settled(task);
  });

  test('close after it was received does nothing (tokio: close_after_recv)', () => {
    const { sender, receiver } = oneshot<number>();
    sender.send(17);
    assert.equal(ready(receiver), 17);
    receiver.close();
    sender.close();
    throwsCode(() => ready(receiver.receive()), 'ERR_TASK_OVER');
  });

  test('tryReceive gives it once (tokio: try_recv_after_completion)', () => {
    const { sender, receiver } = oneshot<number>();
    assert.equal(receiver.tryReceive(), undefined);
    assert.equal(receiver.isEnded, false);
    sender.send(17);
    assert.equal(receiver.tryReceive(), 17);
    assert.equal(receiver.tryReceive(), undefined);
    assert.ok(receiver.isEnded);
  });

  test('drops what nobody receives (tokio: drops_tasks)', () => {
    const { sender, receiver } = oneshot<object>();
    const task = pending(receiver);
    sender.send({});
    drop(task);
    assert.equal(receiver.hasMessage, false);
    assert.ok(receiver.isEnded);
    const waiting = oneshot<number>();
    const given = pending(waiting.receiver);
    drop(given);
    assert.ok(waiting.sender.isClosed);
  });

  test('wakes the task that polled last (tokio: receiver_changes_task, sender_changes_task)', () => {
    const { sender, receiver } = oneshot<number>();
    const first = pending(receiver);
    const second = pending(receiver);
    const closed = sender.closed();
    const third = pending(closed);
    const fourth = pending(closed);
    assert.deepEqual([first.wakers, third.wakers], [0, 0]);
    sender.send(1);
    assert.deepEqual([first.isWoken, second.isWoken], [false, true]);
    receiver.close();
    assert.deepEqual([third.isWoken, fourth.isWoken], [false, true]);
  });

  test('says when it has a message and when it has ended (tokio: receiver_is_empty, …)', () => {
    const sent = oneshot<number>();
    assert.deepEqual([sent.receiver.hasMessage, sent.receiver.isEnded], [false, false]);
    sent.sender.send(1);
    assert.deepEqual([sent.receiver.hasMessage, sent.receiver.isEnded], [true, false]);
    ready(sent.receiver);
    assert.deepEqual([sent.receiver.hasMessage, sent.receiver.isEnded], [false, true]);
    const dropped = oneshot<number>();
    dropped.sender.close();
    assert.deepEqual([dropped.receiver.hasMessage, dropped.receiver.isEnded], [false, true]);
    const closed = oneshot<number>();
    closed.receiver.close();
    assert.deepEqual([closed.receiver.hasMessage, closed.receiver.isEnded], [false, true]);
  });

  test('closed waits for the message to be received, if there is one', () => {
    const { sender, receiver } = oneshot<number>();
    sender.send(1);
    const task = pending(sender.closed());
    ready(receiver);
    settled(task);
    ready(sender.closed());
  });

  test('takes one unit of the budget', () => {
    const { sender, receiver } = oneshot<number>();
    sender.send(1);
    assert.equal(checkBudget(receiver), 1);
    checkBudget(sender.closed());
  });
});

describe('OneshotReceiver.receive', () => {
  test('given up closes nothing and loses nothing', () => {
    const { sender, receiver } = oneshot<number>();
    drop(pending(receiver.receive()));
    assert.equal(sender.isClosed, false);
    const task = pending(receiver.receive());
    sender.send(5);
    assert.ok(task.isWoken);
    drop(task);
    assert.equal(ready(receiver.receive()), 5);
  });

  test('by several: one gets it, the others are told that it is gone', () => {
    const { sender, receiver } = oneshot<number>();
    const tasks = [pending(receiver.receive()), pending(receiver.receive())];
    sender.send(5);
    assert.ok(tasks.every((task) => task.isWoken));
    assert.equal(settled(tasks[0]!), 5);
    throwsCode(() => tasks[1]!.poll(), 'ERR_TASK_OVER');
  });

  test('unpolled can be given up', () => {
    assert.ok(new TestTask(oneshot().receiver.receive()).cancel());
  });
});

describe('oneshot with wakers that call back', () => {
  test('a message sent while the waker is cloned is received at once', () => {
    const { sender, receiver } = oneshot<number>();
    const context = new CallingContext({ clone: () => void sender.send(1) });
    assert.equal(receiver.poll(context), 1);
  });

  test('receiving from within wake works', () => {
    const { sender, receiver } = oneshot<number>();
    let got: number | symbol | undefined;
    const context = new CallingContext();
    context.on.wake = () => (got = receiver.poll(context));
    assert.equal(receiver.poll(context), PENDING);
    assert.equal(sender.send(9), true);
    assert.equal(got, 9);
  });
});
