/** Waiting for several. After tokio's macros_select, macros_join and task_abort tests. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from '../../../src/base/index.ts';
import {
  attempt,
  borrow,
  join,
  mpsc,
  oneshot,
  PENDING,
  pollFn,
  race,
  ready,
  select,
  TestTask,
  VirtualHost,
  yieldNow,
  type Coroutine,
} from '../../../src/task/index.ts';

function run<T>(source: () => Coroutine<T>): T {
  const host = new VirtualHost();
  host.executor();
  return host.run<() => Coroutine<T>>(source);
}

describe('tokio macros_select', () => {
  it('one_ready, many_branches: the one that is ready of sixty-four', () => {
    for (const winner of [0, 31, 63]) {
      const branches: Record<string, ReturnType<typeof ready<number>>> = {};
      for (let i = 0; i < 64; i++) {
        branches[`b${i}`] = i === winner ? ready(i) : pollFn<number, never>(() => PENDING);
      }
      const won = new TestTask(select(branches)).poll();
      assert.deepEqual(won, { key: `b${winner}`, value: winner });
    }
  });

  it('drop_in_fut: what a loser holds is free before the winner is given', () => {
    const free: string[] = [];
    const loser = function* (): Coroutine<never> {
      try {
        return yield* pollFn<never>(() => PENDING);
      } finally {
        yield* yieldNow();
        free.push('the loser');
      }
    };
    const won = run(() =>
      (function* () {
        const first = yield* select({ loser: loser(), winner: after(2) });
        free.push('the winner');
        return first.key;
      })(),
    );
    assert.equal(won, 'winner');
    assert.deepEqual(free, ['the loser', 'the winner']);
  });

  it('select_streams: every message of two channels comes once', () => {
    const got = run(function* () {
      const [a, b] = [mpsc<number>(4), mpsc<number>(4)];
      const numbers: number[] = [];
      for (let i = 0; i < 100; i += 2) {
        a.sender.trySend(i);
        b.sender.trySend(i + 1);
        for (let n = 0; n < 2; n++) {
          const { value } = yield* select({ a: a.receiver.receive(), b: b.receiver.receive() });
          numbers.push(value!);
        }
      }
      return numbers;
    });
    assert.deepEqual(
      got.toSorted((x, y) => x - y),
      Array.from({ length: 100 }, (_, i) => i),
    );
  });

  it('move_uncompleted_futures: a borrowed one wins the next time', () => {
    const value = run(function* () {
      const { sender, receiver } = oneshot<string>();
      const first = yield* select({ message: borrow(receiver), now: after(1) });
      assert.equal(first.key, 'now');
      sender.send('later');
      const second = yield* select({ message: borrow(receiver), never: pollFn(() => PENDING) });
      return second.value;
    });
    assert.equal(value, 'later');
  });

  it('nested, join_with_select: selects and joins inside of each other', () => {
    const values = run(function* () {
      return yield* join([
        race([after(3), race([after(1, 'a'), after(2)])]),
        select({ both: join([after(1, 'b'), after(2, 'c')]), late: after(9) }),
      ]);
    });
    assert.deepEqual(values, ['a', { key: 'both', value: ['b', 'c'] }]);
  });

  it('future_panics_after_poll: an error at a later poll is thrown, the others are given up', () => {
    let given = 0;
    const other = pollFn(
      () => PENDING,
      () => void (given += 1),
    );
    const failing = function* (): Coroutine<void> {
      yield* yieldNow();
      throw new Error('later');
    };
    assert.throws(
      () =>
        run(function* () {
          yield* select({ failing: failing(), other });
        }),
      /later/,
    );
    assert.equal(given, 1);
  });

  it('deterministic_select_current_thread: the same seed chooses the same branches', () => {
    const choices = (seed: number): string => {
      const host = new VirtualHost();
      host.executor({ random: new SeededRandom(seed) });
      return host.run(function* () {
        let keys = '';
        for (let i = 0; i < 50; i++) {
          keys += (yield* select({ a: ready(0), b: ready(0), c: ready(0) })).key;
        }
        return keys;
      });
    };
    assert.equal(choices(1), choices(1));
    assert.notEqual(choices(1), choices(2));
  });

  it('select_is_budget_aware: a loop of selects that is always ready lets others run', () => {
    const host = new VirtualHost();
    const executor = host.executor({ budget: 16 });
    const order: string[] = [];
    const greedy = executor.spawn(function* () {
      const { sender, receiver } = mpsc<number>(1);
      for (let i = 0; i < 64; i++) {
        sender.trySend(i);
        yield* select({ message: receiver.receive(), never: pollFn(() => PENDING) });
      }
      order.push('greedy');
    });
    executor.spawn(() => void order.push('other'));
    host.runUntilIdle();
    assert.ok(greedy.isFinished);
    assert.deepEqual(order, ['other', 'greedy']);
  });

  it('biased_eventually_ready: a branch behind one that is not ready yet', () => {
    const won = run(function* () {
      return yield* select({ slow: after(5), fast: after(2) }, { biased: true });
    });
    assert.equal(won.key, 'fast');
  });
});

describe('tokio macros_join', () => {
  it('empty_join: of none is ready at once', () => {
    assert.deepEqual(new TestTask(join([])).poll(), []);
    assert.deepEqual(new TestTask(join({})).poll(), {});
  });

  it('two_await, sync_two_lit_expr: ready at once or one after the other', () => {
    assert.deepEqual(new TestTask(join([ready(1), ready(2)])).poll(), [1, 2]);
    const { sender, receiver } = oneshot<number>();
    const task = new TestTask(join([receiver, ready(2)]));
    assert.equal(task.poll(), PENDING);
    sender.send(1);
    assert.ok(task.isWoken);
    assert.deepEqual(task.poll(), [1, 2]);
  });
});

describe('tokio task_abort', () => {
  it('test_abort_wakes_task_3964: a task that nobody else would wake ends', () => {
    const host = new VirtualHost();
    const executor = host.executor();
    let isOver = false;
    const task = executor.spawn(function* () {
      try {
        yield* pollFn(() => PENDING);
      } finally {
        isOver = true;
      }
    });
    host.runUntilIdle();
    task.abort();
    host.runUntilIdle();
    assert.ok(isOver && task.isFinished);
  });

  it('test_join_error_display: the error names the task, by its id or its name too', () => {
    const host = new VirtualHost();
    const executor = host.executor();
    for (const [name, text] of [
      ['', 'task 1:'],
      ['reader', 'task 3 (reader):'],
    ] as const) {
      const task = executor.spawn(
        pollFn(() => PENDING),
        { name },
      );
      task.abort();
      const end = host.run(() => attempt(task));
      assert.ok(!end.ok);
      assert.ok((end.error as Error).message.includes(text), (end.error as Error).message);
    }
  });
});

/** Ready at its poll after so many others. */
function* after(polls: number, value = 'after'): Coroutine<string> {
  for (let i = 0; i < polls; i++) yield* yieldNow();
  return value;
}
