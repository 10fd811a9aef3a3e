import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { END } from '../stream/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { mpsc } from './mpsc.ts';
import { CallingContext, drop, pending, ready, settled, throwsCode } from './sync.test.helper.ts';

describe('Sender.reserve', () => {
  test('keeps places to send without waiting (tokio: reserve_disarm)', () => {
    const { sender, receiver } = mpsc<number>(2);
    const [first, second] = [ready(sender.reserve()), ready(sender.clone().reserve())];
    const third = pending(sender.reserve());
    const fourth = pending(sender.reserve());
    assert.equal(first.send(1), true);
    assert.equal(third.isWoken, false, 'the message has the place now');
    assert.equal(ready(receiver.receive()), 1);
    assert.deepEqual([third.isWoken, fourth.isWoken], [true, false]);
    second.release();
    assert.ok(fourth.isWoken);
    pending(sender.reserve());
  });

  test('of many places at once (tokio: reserve_many_and_send, try_reserve_many_full)', () => {
    for (let capacity = 1; capacity < 12; capacity++) {
      for (let used = 0; used < capacity; used++) {
        const { sender, receiver } = mpsc<number>(capacity);
        const permit = ready(sender.reserve(capacity));
        assert.deepEqual([permit.remaining, sender.available], [capacity, 0]);
        assert.equal(sender.tryReserve(), 'full');
        for (let sent = 0; sent < used; sent++) permit.send(sent);
        permit.release();
        assert.equal(sender.available, capacity - used);
        if (used > 0) assert.equal(sender.tryReserve(capacity - used + 1), 'full');
        assert.equal(receiver.length, used);
        if (used > 0) assert.equal(ready(receiver.receiveMany(capacity)).length, used);
        assert.equal(sender.available, capacity);
      }
    }
  });

  test('of none is ready, unless the channel is closed (tokio: reserve_many_zero)', () => {
    const { sender, receiver } = mpsc<number>(1);
    assert.equal(ready(sender.reserve(0)).remaining, 0);
    sender.trySend(1);
    assert.equal(ready(sender.reserve(0)).remaining, 0);
    assert.notEqual(sender.tryReserve(0), 'full');
    receiver[Symbol.dispose]();
    throwsCode(() => ready(sender.reserve(0)), 'ERR_CHANNEL_CLOSED');
    assert.equal(sender.tryReserve(0), 'closed');
    assert.equal(sender.tryReserve(), 'closed');
  });

  test('of more than there can be is refused (tokio: reserve_many_above_cap)', () => {
    const { sender } = mpsc<number>(1);
    throwsCode(() => sender.reserve(2), 'ERR_OPTION_RANGE');
    throwsCode(() => sender.tryReserve(2), 'ERR_OPTION_RANGE');
  });

  test('a permit is used up once (tokio: try_reserve_fails, drop_permit_releases_permit)', () => {
    const { sender, receiver } = mpsc<string>(1);
    const permit = sender.tryReserve();
    assert.ok(typeof permit === 'object');
    assert.equal(sender.tryReserve(), 'full');
    permit.send('foo');
    throwsCode(() => permit.send('bar'), 'ERR_SYNC_RELEASED');
    permit.release();
    assert.equal(receiver.tryReceive(), 'foo');
    const waiting = ready(sender.reserve());
    const next = pending(sender.reserve());
    {
      using unused = waiting;
      assert.equal(unused.remaining, 1);
    }
    assert.ok(next.isWoken);
    assert.equal(settled(next).remaining, 1);
  });
});

describe('Receiver.close', () => {
  test('refuses new messages and gives none when idle (tokio: recv_close_gets_none_idle)', () => {
    const { sender, receiver } = mpsc<number>(10);
    receiver.close();
    assert.equal(ready(receiver.receive()), undefined);
    throwsCode(() => ready(sender.send(1)), 'ERR_CHANNEL_CLOSED');
    assert.deepEqual([sender.trySend(1), sender.isClosed], ['closed', true]);
  });

  test('waits for what is reserved (tokio: recv_close_gets_none_reserved)', () => {
    const { sender, receiver } = mpsc<number>(1);
    const permit = ready(sender.reserve());
    const second = pending(sender.clone().reserve());
    receiver.close();
    assert.ok(second.isWoken);
    throwsCode(() => second.poll(), 'ERR_CHANNEL_CLOSED');
    const receive = pending(receiver.receive());
    assert.equal(permit.send(123), true);
    assert.ok(receive.isWoken);
    assert.equal(settled(receive), 123);
    assert.equal(ready(receiver.receive()), undefined);
  });

  test('still gives what is there (tokio: try_recv_after_receiver_close)', () => {
    const { sender, receiver } = mpsc<number>(5);
    sender.trySend(1);
    receiver.close();
    assert.deepEqual([receiver.isClosed, receiver.isEnded], [true, false]);
    assert.equal(receiver.tryReceive(), 1);
    assert.ok(receiver.isEnded);
  });

  test('ends for who waits when the last place is given back, however that happens', () => {
    // tokio: dropping_last_permit_…, failed_reserve_…, cancelled_reserve_wakes_closed_receiver.
    const ways = {
      release: (sender: ReturnType<typeof mpsc<number>>['sender']) => {
        const permit = ready(sender.reserve(3));
        return () => permit.release();
      },
      grantedReserve: (sender: ReturnType<typeof mpsc<number>>['sender']) => {
        const permit = ready(sender.reserve(3));
        const reserve = pending(sender.reserve());
        permit.release();
        return () => drop(reserve);
      },
      grantedSend: (sender: ReturnType<typeof mpsc<number>>['sender']) => {
        const permit = ready(sender.reserve(3));
        const send = pending(sender.send(1));
        permit.release();
        return () => drop(send);
      },
    };
    for (const [name, make] of Object.entries(ways)) {
      const { sender, receiver } = mpsc<number>(3);
      const end = make(sender);
      receiver.close();
      const receive = pending(receiver.receive());
      const other = pending(receiver.next());
      end();
      assert.ok(receive.isWoken && other.isWoken, name);
      assert.equal(settled(receive), undefined);
      assert.equal(settled(other), END);
    }
  });

  test('ends when the last reserved message is received', () => {
    const { sender, receiver } = mpsc<number>(2);
    const permit = ready(sender.reserve());
    receiver.close();
    const first = pending(receiver.receive());
    const second = pending(receiver.receive());
    permit.send(1);
    assert.equal(second.isWoken, false);
    assert.equal(settled(first), 1);
    assert.ok(second.isWoken, 'nothing will come any more');
    assert.equal(settled(second), undefined);
  });

  test('and a claim that is given up then: the message is the next one’s', () => {
    const { sender, receiver } = mpsc<number>(2);
    const first = pending(receiver.receive());
    const second = pending(receiver.receive());
    sender.trySend(1);
    receiver.close();
    assert.equal(second.isWoken, false);
    drop(first);
    assert.equal(settled(second), 1);
    assert.ok(receiver.isEnded);
  });

  test('tells who waits for it (tokio: ready_close_cancel_bounded)', () => {
    const { sender, receiver } = mpsc<number>(100);
    const task = pending(sender.closed());
    drop(pending(sender.closed()));
    receiver.close();
    receiver.close();
    assert.ok(task.isWoken);
    settled(task);
    ready(sender.closed());
  });

  test('a place granted before can still be used (permit_available_not_acquired_close)', () => {
    const { sender, receiver } = mpsc<number>(1);
    const permit = ready(sender.reserve());
    const task = pending(sender.reserve());
    permit.release();
    receiver.close();
    const late = settled(task);
    assert.equal(late.send(7), true);
    assert.equal(ready(receiver.receive()), 7);
    assert.equal(ready(receiver.receive()), undefined);
  });
});

describe('Receiver, disposed', () => {
  test('refuses senders and drops messages (tokio: dropping_rx_closes_channel)', () => {
    const { sender, receiver } = mpsc<object>(2);
    const permit = ready(sender.reserve());
    sender.trySend({});
    const waiting = pending(sender.send({}));
    const closed = pending(sender.closed());
    {
      using own = receiver;
      assert.equal(own.length, 1);
    }
    assert.deepEqual([receiver.length, receiver.isEnded], [0, true]);
    throwsCode(() => waiting.poll(), 'ERR_CHANNEL_CLOSED');
    settled(closed);
    assert.equal(sender.trySend({}), 'closed');
    assert.equal(permit.send({}), false);
    permit.release();
    assert.equal(receiver.length, 0);
  });

  test('a send that was granted and is polled later is told', () => {
    const { sender, receiver } = mpsc<number>(1);
    sender.trySend(1);
    const waiting = pending(sender.send(2));
    receiver.tryReceive();
    receiver[Symbol.dispose]();
    throwsCode(() => waiting.poll(), 'ERR_CHANNEL_CLOSED');
    drop(waiting);
  });

  test('a receive that waits, or has a message set aside, gets none', () => {
    const { sender, receiver } = mpsc<number>(1);
    const first = pending(receiver.receive());
    const second = pending(receiver.receive());
    const third = pending(receiver.receive());
    sender.trySend(1);
    receiver[Symbol.dispose]();
    receiver[Symbol.dispose]();
    assert.ok(second.isWoken);
    assert.equal(settled(first), undefined);
    drop(second);
    assert.equal(settled(third), undefined);
    assert.equal(receiver.tryReceive(), undefined);
  });

  test('lets go of its waker (tokio: release_waker_on_rx_drop)', () => {
    const { receiver } = mpsc<number>(1);
    let dropped = 0;
    const context = new CallingContext({ drop: () => (dropped += 1) });
    assert.equal(receiver.pollNext(context), PENDING);
    receiver.cancel();
    assert.deepEqual([dropped, context.wakes], [1, 0]);
    assert.equal(receiver.pollNext(context), END);
  });
});

describe('Sender.close', () => {
  test('of the last ends the channel (tokio: tx_close_gets_none)', () => {
    const { sender, receiver } = mpsc<number>(10);
    {
      using own = sender;
      own.trySend(1);
    }
    sender.close();
    assert.equal(receiver.senders, 0);
    assert.equal(ready(receiver.receive()), 1);
    assert.equal(ready(receiver.receive()), undefined);
  });

  test('is for this sender only', () => {
    const { sender, receiver } = mpsc<number>(10);
    const other = sender.clone();
    sender.close();
    assert.deepEqual([sender.isClosed, other.isClosed], [true, false]);
    assert.equal(sender.trySend(1), 'closed');
    assert.equal(sender.tryReserve(), 'closed');
    throwsCode(() => ready(sender.send(1)), 'ERR_CHANNEL_CLOSED');
    throwsCode(() => ready(sender.reserve()), 'ERR_CHANNEL_CLOSED');
    throwsCode(() => sender.clone(), 'ERR_CHANNEL_CLOSED');
    pending(receiver.receive());
    assert.equal(other.trySend(2), 'sent');
  });

  test('leaves what waits to be sent, and the channel ends after it', () => {
    const { sender, receiver } = mpsc<number>(1);
    sender.trySend(1);
    const waiting = pending(sender.send(2));
    sender.close();
    assert.equal(receiver.tryReceive(), 1);
    const receive = pending(receiver.receive());
    settled(waiting);
    assert.equal(settled(receive), 2);
    assert.equal(ready(receiver.receive()), undefined);
  });

  test('and what waited is given up: the channel ends', () => {
    const { sender, receiver } = mpsc<number>(1);
    const permit = ready(sender.reserve());
    const waiting = pending(sender.send(2));
    sender.close();
    const receive = pending(receiver.receive());
    drop(waiting);
    assert.equal(receive.isWoken, false, 'a place is still reserved');
    permit.release();
    assert.ok(receive.isWoken);
    assert.equal(settled(receive), undefined);
  });

  test('a future made before and polled after is refused, with budget', () => {
    const { sender } = mpsc<number>(1);
    const task = new TestTask(sender.send(1));
    sender.close();
    task.budget = 0;
    assert.equal(task.poll(), PENDING);
    task.budget = 1;
    throwsCode(() => task.poll(), 'ERR_CHANNEL_CLOSED');
  });
});
