/** Turns beside tasks that never rest. After tokio's rt_common, rt_threaded and coop tests. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Arena, processArena } from '../../../src/memory/index.ts';
import { Runtime } from '../../../src/runtime/index.ts';
import {
  currentContext,
  interval,
  mpsc,
  oneshot,
  openRemoteWaker,
  PENDING,
  pollFn,
  ready,
  sleep,
  unconstrained,
  VirtualHost,
  yieldNow,
  type Coroutine,
  type Executor,
  type Receiver,
  type Sender,
} from '../../../src/task/index.ts';
import { TaskReader } from '../../../src/task/executor/task-counters-reader.ts';

/** A host with tasks that are always ready. */
function loaded(tasks = 32): { host: VirtualHost; executor: Executor } {
  const host = new VirtualHost();
  const executor = host.executor({ watchdog: { timing: 'off' } });
  for (let i = 0; i < tasks; i++) {
    executor.spawn(function* (): Coroutine<void> {
      for (;;) yield* yieldNow();
    });
  }
  return { host, executor };
}

/** Hands a ball to and fro for ever. */
function* player(sender: Sender<number>, receiver: Receiver<number>): Coroutine<void> {
  for (let ball; (ball = yield* receiver.receive()) !== undefined;) yield* sender.send(ball + 1);
}

describe('tokio rt_common: load', () => {
  it('ping_pong_saturation: pairs that wake each other for ever keep nobody from their turns', () => {
    const { host, executor } = loaded(0);
    for (let pair = 0; pair < 100; pair++) {
      const [there, back] = [mpsc<number>(1), mpsc<number>(1)];
      executor.spawn(player(there.sender, back.receiver));
      executor.spawn(player(back.sender, there.receiver));
      there.sender.trySend(0);
    }
    const turns = host.run(function* () {
      let count = 0;
      for (; count < 1000; count++) yield* yieldNow();
      return count;
    });
    assert.equal(turns, 1000);
  });

  it('complete_block_on_under_load, complete_task_under_load: others end beside busy ones', () => {
    const { host, executor } = loaded();
    const value = host.run(function* () {
      const { sender, receiver } = oneshot<string>();
      executor.spawn(function* () {
        for (let i = 0; i < 10; i++) yield* yieldNow();
        sender.send('sent');
      });
      return yield* receiver;
    });
    assert.equal(value, 'sent');
  });

  it('spawn_many_from_block_on, spawn_many_from_task: every task of many sends', () => {
    const { host, executor } = loaded(0);
    const got = host.run(function* () {
      const { sender, receiver } = mpsc<number>(10);
      executor.spawn(function* () {
        for (let i = 0; i < 200; i++) {
          const own = sender.clone();
          executor.spawn(function* () {
            yield* own.send(i);
            own.close();
          });
          yield* yieldNow();
        }
        sender.close();
      });
      return yield* receiver.collect();
    });
    assert.deepEqual(
      got.toSorted((a, b) => a - b),
      Array.from({ length: 200 }, (_, i) => i),
    );
  });

  it('spawn_await_chain: a task waits for one that waits for one', () => {
    const { host, executor } = loaded();
    const chain = (depth: number): (() => Coroutine<number>) =>
      function* () {
        return depth === 0 ? 0 : 1 + (yield* executor.spawn(chain(depth - 1)));
      };
    assert.equal(host.run(chain(500)), 500);
  });

  it('spawn_from_other_thread_under_load: a wake of another thread comes through', async () => {
    const arena: Arena = processArena();
    const region = arena.allocate('count', 4);
    const { offset } = region;
    await using runtime = new Runtime({ executor: { watchdog: { timing: 'off' } } });
    for (let i = 0; i < 8; i++) {
      runtime.spawn(function* (): Coroutine<void> {
        for (;;) yield* yieldNow();
      });
    }
    const times = 1000;
    const counted = await runtime.run(function* () {
      using waker = openRemoteWaker(currentContext().waker);
      const program = new URL('../executor/remote-count.worker.js', import.meta.url);
      const workerData = { memory: arena.memory, waker: waker.data, word: offset, times };
      const worker = new Worker(program, { workerData });
      worker.once('error', assert.fail);
      const word = offset / 4;
      return yield* pollFn(() => (arena.words[word] === times ? times : PENDING));
    });
    assert.equal(counted, times);
    region.release();
  });
});

describe('tokio rt_threaded: channels', () => {
  it('many_oneshot_futures: a thousand tasks each bring a value', () => {
    const { host, executor } = loaded(0);
    const sum = host.run(function* () {
      const receivers = Array.from({ length: 1000 }, (_, i) => {
        const { sender, receiver } = oneshot<number>();
        executor.spawn(() => void sender.send(i));
        return receiver;
      });
      let total = 0;
      for (const receiver of receivers) total += yield* receiver;
      return total;
    });
    assert.equal(sum, 499_500);
  });

  it('many_multishot_futures: a message goes round a ring of channels a thousand times', () => {
    const { host, executor } = loaded();
    const rounds = host.run(function* () {
      const channels = Array.from({ length: 50 }, () => mpsc<number>(1));
      for (let i = 1; i < channels.length; i++) {
        executor.spawn(player(channels[i]!.sender, channels[i - 1]!.receiver));
      }
      let ball = 0;
      for (let round = 0; round < 200; round++) {
        yield* channels[0]!.sender.send(ball);
        ball = (yield* channels.at(-1)!.receiver.receive())!;
      }
      return ball;
    });
    assert.equal(rounds, 200 * 49);
  });
});

describe('tokio coop', () => {
  /** Receives what is always there; `context.proceed` is what makes it yield. */
  function* flood(count: number): Coroutine<void> {
    const { sender, receiver } = mpsc<number>(1);
    for (let i = 0; i < count; i++) {
      sender.trySend(i);
      yield* receiver.receive();
    }
  }

  /** How many turns another task has while this one runs: one between two of its polls. */
  function turnsBeside(source: () => Coroutine<void>, budget = 128): number {
    const host = new VirtualHost();
    const executor = host.executor({ budget });
    let turns = 0;
    const task = executor.spawn(source);
    executor.spawn(function* () {
      while (!task.isFinished) {
        turns += 1;
        yield* yieldNow();
      }
    });
    host.runUntilIdle();
    return turns;
  }

  it('coop: who always has something to do yields after its budget', () => {
    assert.equal(
      turnsBeside(() => flood(1280)),
      9,
    );
  });

  it('coop_unconstrained: without a budget it goes on to its end', () => {
    const source = function* (): Coroutine<void> {
      yield* unconstrained(flood(1280));
    };
    assert.equal(turnsBeside(source), 0);
  });

  it('coop_consume_budget: futures by hand take from the same budget', () => {
    const step = pollFn((context) => (context.proceed() ? undefined : PENDING));
    const source = function* (): Coroutine<void> {
      for (let i = 0; i < 100; i++) yield* step;
    };
    assert.equal(turnsBeside(source, 10), 9);
  });

  it('what never asks for budget is not made to yield', () => {
    const source = function* (): Coroutine<void> {
      for (let i = 0; i < 1000; i++) yield* ready(i);
    };
    assert.equal(turnsBeside(source), 0);
  });

  it('yield_defers_until_park: timers have their turn beside tasks that yield', () => {
    const { host } = loaded(0);
    const ticks = host.run(function* () {
      const every = interval(1);
      let count = 0;
      for (; count < 3; count++) yield* every.tick();
      yield* sleep(1);
      return count;
    });
    assert.equal(ticks, 3);
  });
});

describe('tokio rt_metrics', () => {
  it('budget_exhaustion_yield, spawned_tasks_count, num_alive_tasks', () => {
    const host = new VirtualHost();
    const executor = host.executor({ budget: 4 });
    const arena = Arena.create({ size: 4 * 1024 * 1024 });
    executor.observe({ arena, rows: 64 });
    const { totals } = new TaskReader(arena, executor.countersOffset!);
    const step = pollFn((context) => (context.proceed() ? undefined : PENDING));
    const task = executor.spawn(function* () {
      for (let i = 0; i < 10; i++) yield* step;
    });
    executor.spawn(pollFn(() => PENDING));
    assert.equal(executor.living, 2);
    host.runUntilIdle();
    assert.ok(task.isFinished);
    assert.equal(executor.living, 1);
    const snapshot = totals.snapshot();
    assert.equal(snapshot['spawned'], 2);
    assert.equal(snapshot['polls'], 4);
    assert.equal(snapshot['budgetYields'], 2);
  });
});
