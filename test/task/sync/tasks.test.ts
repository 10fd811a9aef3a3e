/** The primitives under real tasks: many of them, cancelled in the midst, and beside promises. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Executor, NodeHost, provideExecutor } from '../../../src/task/executor/index.ts';
import { yieldNow, type Coroutine } from '../../../src/task/future/index.ts';
import {
  Barrier,
  broadcast,
  mpsc,
  Mutex,
  Notify,
  OnceCell,
  oneshot,
  RwLock,
  Semaphore,
  watch,
} from '../../../src/task/sync/index.ts';
import { SeededRandom } from '../../../src/base/index.ts';
import { VirtualHost } from '../../../src/task/testing/virtual-host.ts';

// For what is awaited outside of tasks.
provideExecutor(() => {
  const host = new NodeHost();
  const executor = new Executor(host);
  host.attach(executor);
  return executor;
});

/** Runs what was spawned until nothing is left to do. */
function setUp(): { host: VirtualHost; executor: ReturnType<VirtualHost['executor']> } {
  const host = new VirtualHost();
  return { host, executor: host.executor() };
}

describe('mpsc between tasks', () => {
  test('many senders, one receiver, to the end', () => {
    const { host, executor } = setUp();
    const { sender, receiver } = mpsc<number>(4);
    for (let index = 0; index < 20; index++) {
      const own = sender.clone();
      executor.spawn(function* () {
        using _ = own;
        for (let value = 0; value < 50; value++) yield* own.send(index * 50 + value);
      });
    }
    sender.close();
    const received = executor.spawn(function* (): Coroutine<number[]> {
      const all: number[] = [];
      for (let value; (value = yield* receiver.receive()) !== undefined;) all.push(value);
      return all;
    });
    const all = host.run(received);
    assert.equal(all.length, 1000);
    assert.equal(new Set(all).size, 1000);
    for (let index = 0; index < 20; index++) {
      const own = all.filter((value) => Math.floor(value / 50) === index);
      assert.deepEqual(
        own,
        own.toSorted((a, b) => a - b),
        'each sender’s order is kept',
      );
    }
  });

  test('tasks that are aborted anywhere lose and double nothing, for 100 seeds', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = new SeededRandom(seed);
      const { host, executor } = setUp();
      const { sender, receiver } = mpsc<number>(2);
      const sent: number[] = [];
      const received: number[] = [];
      const tasks: ReturnType<typeof executor.spawn>[] = [];
      for (let index = 0; index < 6; index++) {
        const send = function* (): Coroutine<void> {
          for (let value = index * 100; value < index * 100 + 20; value++) {
            yield* sender.send(value);
            sent.push(value);
            if (random.below(3) === 0) yield* yieldNow();
          }
        };
        const receive = function* (): Coroutine<void> {
          for (;;) {
            received.push((yield* receiver.receive())!);
            if (random.below(3) === 0) yield* yieldNow();
          }
        };
        tasks.push(executor.spawn(index % 2 === 0 ? send : receive));
      }
      for (const task of tasks) task.detach();
      while (random.below(30) !== 0) {
        executor.turn();
        if (random.below(2) === 0) tasks[random.below(tasks.length)]!.abort();
      }
      for (const task of tasks) task.abort();
      host.runUntilIdle();
      for (let value; (value = receiver.tryReceive()) !== undefined;) received.push(value);
      assert.deepEqual(received, sent, `seed ${seed}`);
      assert.deepEqual([sender.available, sender.waiters, receiver.waiters], [2, 0, 0]);
    }
  });

  test('a receiver that always has something lets others run (receiver_recv_is_cooperative)', () => {
    const { host, executor } = setUp();
    const { sender, receiver } = mpsc<number>(1);
    let isDone = false;
    const greedy = executor.spawn(function* (): Coroutine<number> {
      let turns = 0;
      for (; !isDone; turns++) {
        assert.ok(turns < 100_000, 'it never lets go');
        yield* sender.send(turns);
        yield* receiver.receive();
      }
      return turns;
    });
    executor.spawn(function* () {
      for (let round = 0; round < 5; round++) yield* yieldNow();
      isDone = true;
    });
    assert.ok(host.run(greedy) < 10_000);
  });

  test('receivers work in await and in for await', async () => {
    const { sender, receiver } = mpsc<number>(16);
    sender.trySend(1);
    assert.equal(await receiver.receive(), 1);
    await sender.send(2);
    await sender.send(3);
    sender.close();
    const all: number[] = [];
    for await (const value of receiver) all.push(value);
    assert.deepEqual(all, [2, 3]);
    const reply = oneshot<string>();
    reply.sender.send('yes');
    assert.equal(await reply.receiver, 'yes');
    const prices = broadcast<number>(2, { onLag: 'skip' });
    for (let value = 0; value < 5; value++) prices.sender.send(value);
    prices.sender.close();
    const kept: number[] = [];
    for await (const value of prices.receiver) kept.push(value);
    assert.deepEqual([kept, prices.receiver.lost], [[3, 4], 3]);
    const config = watch('a');
    config.sender.send('b');
    config.sender.close();
    const seen: string[] = [];
    for await (const value of config.receiver) seen.push(value);
    assert.deepEqual(seen, ['b']);
  });

  test('leaving a for await loop closes the channel', async () => {
    const { sender, receiver } = mpsc<number>(16);
    sender.trySend(1);
    sender.trySend(2);
    for await (const value of receiver) {
      assert.equal(value, 1);
      break;
    }
    assert.equal(sender.trySend(3), 'closed');
    await sender.closed();
  });
});

describe('Locks between tasks', () => {
  test('Mutex: one at a time, across waits, in the order of asking', () => {
    const { host, executor } = setUp();
    const mutex = new Mutex<number[]>([]);
    for (let index = 0; index < 100; index++) {
      executor.spawn(function* () {
        using guard = yield* mutex.lock();
        const { length } = guard.value;
        yield* yieldNow();
        assert.equal(guard.value.length, length, 'nobody else was here');
        guard.value.push(index);
      });
    }
    host.runUntilIdle();
    const expected = Array.from({ length: 100 }, (_, index) => index);
    assert.deepEqual(mutex.tryLock()!.value, expected);
    assert.deepEqual(host.reported, []);
  });

  test('Mutex: a holder that is aborted releases it', () => {
    const { host, executor } = setUp();
    const mutex = new Mutex(0);
    const gate = new Notify();
    const holder = executor.spawn(function* () {
      using _guard = yield* mutex.lock();
      yield* gate.notified();
    });
    const next = executor.spawn(function* (): Coroutine<number> {
      return yield* mutex.runExclusive((guard) => (guard.value += 1));
    });
    host.runUntilIdle();
    assert.deepEqual([mutex.isLocked, mutex.waiters], [true, 1]);
    holder.detach();
    holder.abort();
    assert.equal(host.run(next), 1);
    assert.equal(mutex.isLocked, false);
    assert.equal(gate.waiters, 0);
  });

  test('Semaphore: never more at once than permits', () => {
    const { host, executor } = setUp();
    const limit = new Semaphore(3);
    let inside = 0;
    let most = 0;
    for (let index = 0; index < 50; index++) {
      executor.spawn(function* () {
        using _permit = yield* limit.acquire();
        most = Math.max(most, ++inside);
        for (let round = 0; round < index % 4; round++) yield* yieldNow();
        inside -= 1;
      });
    }
    host.runUntilIdle();
    assert.deepEqual([most, inside, limit.available], [3, 0, 3]);
  });

  test('RwLock: readers together, writers alone (tokio: multithreaded)', () => {
    const { host, executor } = setUp();
    const lock = new RwLock(0);
    let writers = 0;
    for (let index = 0; index < 40; index++) {
      executor.spawn(function* () {
        for (let round = 0; round < 10; round++) {
          if (index % 2 === 0) {
            using guard = yield* lock.write();
            const before = guard.value;
            writers += 1;
            yield* yieldNow();
            assert.equal(writers, 1);
            guard.value = before + 1;
            writers -= 1;
          } else {
            using guard = yield* lock.read();
            const before = guard.value;
            yield* yieldNow();
            assert.equal(guard.value, before);
          }
        }
      });
    }
    host.runUntilIdle();
    assert.equal(lock.tryRead()!.value, 200);
    assert.deepEqual(host.reported, []);
  });
});

describe('Signals between tasks', () => {
  test('Barrier: nobody is ahead by more than a round', () => {
    const { host, executor } = setUp();
    const barrier = new Barrier(5);
    const rounds = [0, 0, 0, 0, 0];
    let leaders = 0;
    for (let index = 0; index < 5; index++) {
      executor.spawn(function* () {
        for (let round = 0; round < 20; round++) {
          for (let pause = 0; pause < index; pause++) yield* yieldNow();
          rounds[index]! += 1;
          if (yield* barrier.wait()) leaders += 1;
          assert.ok(Math.min(...rounds) >= round + 1);
        }
      });
    }
    host.runUntilIdle();
    assert.equal(leaders, 20);
    assert.deepEqual(host.reported, []);
  });

  test('OnceCell: made once, by the next when the first is aborted', () => {
    const { host, executor } = setUp();
    const cell = new OnceCell<number>();
    let made = 0;
    const get = function* (): Coroutine<number> {
      return yield* cell.getOrInit(function* (): Coroutine<number> {
        for (let round = 0; round < 5; round++) yield* yieldNow();
        return (made += 1);
      });
    };
    const first = executor.spawn(get);
    const others = [executor.spawn(get), executor.spawn(get)];
    executor.turn();
    first.detach();
    first.abort();
    for (const other of others) assert.equal(host.run(other), 1);
    assert.equal(made, 1);
  });

  test('Notify: a queue whose consumer sleeps', () => {
    const { host, executor } = setUp();
    const notify = new Notify();
    const queue: number[] = [];
    const consumer = executor.spawn(function* (): Coroutine<number> {
      let sum = 0;
      for (let got = 0; got < 100; got++) {
        while (queue.length === 0) yield* notify.notified();
        sum += queue.shift()!;
      }
      return sum;
    });
    executor.spawn(function* () {
      for (let value = 0; value < 100; value++) {
        queue.push(value);
        notify.notifyOne();
        if (value % 7 === 0) yield* yieldNow();
      }
    });
    assert.equal(host.run(consumer), 4950);
  });

  test('watch: everybody ends with the last value', () => {
    const { host, executor } = setUp();
    const { sender, receiver } = watch(0);
    const followers = Array.from({ length: 10 }, () => {
      const own = receiver.clone();
      return executor.spawn(() => own.waitFor((value) => value === 50));
    });
    executor.spawn(function* () {
      for (let value = 1; value <= 50; value++) {
        sender.send(value);
        if (value % 3 === 0) yield* yieldNow();
      }
    });
    for (const follower of followers) assert.equal(host.run(follower), 50);
  });
});
