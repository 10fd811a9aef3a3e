import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { CancelledError } from '../errors.ts';
import {
  BaseFuture,
  PENDING,
  pollFn,
  toFuture,
  wakerFrom,
  yieldNow,
  type Context,
  type Coroutine,
  type Poll,
  type Waker,
} from '../future/index.ts';
import { TaskLocal } from '../future/locals.ts';
import { scope } from '../scope/index.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import { LIFO_POLLS, type Executor } from './executor.ts';
import type { Priority } from './class-queue.ts';
import type { Task } from './task.ts';

let host: VirtualHost;
let executor: Executor;
beforeEach(() => {
  host = new VirtualHost();
  executor = host.executor();
});

/** Ready when it is opened from outside. */
class Gate<T> extends BaseFuture<T> {
  waker: Waker | undefined;
  polls = 0;
  cancels = 0;
  #value: { value: T } | undefined;

  poll(context: Context): Poll<T> {
    this.polls += 1;
    if (this.#value !== undefined) return this.#value.value;
    this.waker = context.waker.clone();
    return PENDING;
  }

  open(value: T): void {
    this.#value = { value };
    this.waker?.wakeByRef();
  }

  cancel(): Poll<void> {
    this.cancels += 1;
  }
}

describe('Executor: polls', () => {
  it('polls a task once for any number of wakes', () => {
    const gate = new Gate<number>();
    const handle = executor.spawn(gate);
    host.runUntilIdle();
    assert.equal(gate.polls, 1);
    for (let i = 0; i < 10; i++) gate.waker!.wakeByRef();
    host.runUntilIdle();
    assert.equal(gate.polls, 2);
    assert.equal(handle.isFinished, false);
  });

  it('does nothing when a task is woken after its end', () => {
    const gate = new Gate<number>();
    const handle = executor.spawn(gate);
    host.runUntilIdle();
    gate.open(1);
    host.runUntilIdle();
    assert.ok(handle.isFinished);
    gate.waker!.wakeByRef();
    host.runUntilIdle();
    assert.equal(gate.polls, 2);
    assert.equal(executor.living, 0);
  });

  it('polls again a task that wakes itself while it is polled', () => {
    let polls = 0;
    executor.spawn(
      pollFn((context) => {
        polls += 1;
        if (polls === 3) return polls;
        context.waker.wakeByRef();
        context.waker.wakeByRef();
        return PENDING;
      }),
    );
    host.runUntilIdle();
    assert.equal(polls, 3);
  });

  it('lets a task end that has just woken itself, and another take its place', () => {
    const polls: string[] = [];
    const selfWaking = (name: string) =>
      pollFn((context) => {
        context.waker.wakeByRef();
        polls.push(name);
        return 0;
      });
    executor.spawn(selfWaking('first'));
    executor.spawn(() => {
      // The first is over and still in the queue: this one must not be given its place there.
      executor.spawn(selfWaking('third'));
      executor.spawn(selfWaking('fourth'));
    });
    executor.spawn(selfWaking('second'));
    host.runUntilIdle();
    assert.deepEqual(polls, ['first', 'second', 'third', 'fourth']);
    assert.equal(executor.living, 0);
    assert.deepEqual([...executor.tasks()], []);
  });

  it('gives yielding tasks their turns one after the other', () => {
    const seen: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      executor.spawn(function* () {
        for (let i = 0; i < 3; i++) {
          seen.push(name);
          yield* yieldNow();
        }
      });
    }
    host.runUntilIdle();
    assert.equal(seen.join(''), 'abcabcabc');
  });

  it('ends a turn after pollsPerTurn polls, and goes on in the next', () => {
    executor = host.executor({ pollsPerTurn: 10 });
    let polls = 0;
    for (let i = 0; i < 25; i++) executor.spawn(pollFn(() => (polls += 1)));
    assert.equal(executor.turn(), 10);
    assert.equal(executor.turn(), 10);
    assert.equal(executor.turn(), 5);
    assert.equal(polls, 25);
  });

  it('does nothing when a turn is asked for inside of a turn', () => {
    let inner = -1;
    executor.spawn(pollFn(() => (inner = executor.turn())));
    executor.spawn(pollFn(() => 0));
    host.runUntilIdle();
    assert.equal(inner, 0);
    assert.equal(executor.living, 0);
  });
});

describe('Executor: the LIFO slot', () => {
  it('polls next what the running task woke', () => {
    const seen: string[] = [];
    const gate = new Gate<void>();
    executor.spawn(function* () {
      yield* gate;
      seen.push('woken');
    });
    host.runUntilIdle();
    executor.spawn(function* () {
      gate.open();
      seen.push('waker');
      yield* yieldNow();
    });
    executor.spawn(() => void seen.push('other'));
    host.runUntilIdle();
    assert.deepEqual(seen, ['waker', 'woken', 'other']);
  });

  it('lets two tasks that wake each other not keep a third from its turn', () => {
    const wakers: (Waker | undefined)[] = [];
    let polls = 0;
    const player = (me: number) =>
      pollFn((context) => {
        polls += 1;
        wakers[me] = context.waker;
        wakers[1 - me]?.wakeByRef();
        return PENDING;
      });
    executor.spawn(player(0));
    executor.spawn(player(1));
    let pollsBefore = -1;
    executor.spawn(() => (pollsBefore = polls));
    executor.turn();
    assert.ok(pollsBefore >= 0 && pollsBefore <= 2 + LIFO_POLLS, `after ${pollsBefore} polls`);
  });

  it('is not for a task of a less urgent class than those that are ready', () => {
    const seen: string[] = [];
    const gate = new Gate<void>();
    executor.spawn(
      function* () {
        yield* gate;
        seen.push('low');
      },
      { priority: 'low' },
    );
    host.runUntilIdle();
    executor.spawn(() => gate.open());
    executor.spawn(() => void seen.push('normal'));
    host.runUntilIdle();
    assert.deepEqual(seen, ['normal', 'low']);
  });
});

describe('Executor: classes', () => {
  it('polls the urgent ones first', () => {
    const seen: string[] = [];
    for (const priority of ['background', 'low', 'normal', 'high'] as Priority[]) {
      executor.spawn(() => void seen.push(priority), { priority });
    }
    host.runUntilIdle();
    assert.deepEqual(seen, ['high', 'normal', 'low', 'background']);
  });

  it('gives a task the class of the one that spawned it', () => {
    let inner: unknown;
    executor.spawn(() => (inner = executor.spawn(() => 0)), { priority: 'low' });
    host.runUntilIdle();
    assert.match(String((inner as { level: number }).level), /^2$/);
  });

  it('refuses a class that does not exist, and options that do not', () => {
    assert.throws(() => executor.spawn(() => 0, { priority: 'urgent' as Priority }), {
      code: 'ERR_OPTION_TYPE',
    });
    assert.throws(() => executor.spawn(() => 0, { prio: 'low' } as object), {
      code: 'ERR_OPTION_UNKNOWN',
    });
    assert.equal(executor.living, 0);
  });
});

describe('Executor: the budget', () => {
  it('makes a task yield that could go on for ever', () => {
    executor = host.executor({ budget: 128, pollsPerTurn: 2 });
    let steps = 0;
    executor.spawn(
      pollFn((context) => {
        while (context.proceed()) steps += 1;
        return PENDING;
      }),
    );
    let seen = -1;
    executor.spawn(() => (seen = steps));
    executor.turn();
    assert.equal(steps, 128);
    assert.equal(seen, 128);
    executor.turn();
    assert.ok(steps > 128, 'it was woken and goes on');
  });

  it('is whole again at each poll', () => {
    executor = host.executor({ budget: 5, pollsPerTurn: 3 });
    const taken: number[] = [];
    executor.spawn(
      pollFn((context) => {
        let steps = 0;
        while (context.proceed()) steps += 1;
        taken.push(steps);
        return PENDING;
      }),
    );
    executor.turn();
    assert.deepEqual(taken, [5, 5, 5]);
  });
});

describe('Executor: limits and closing', () => {
  it('refuses tasks beyond its limit, and takes some again when others ended', () => {
    executor = host.executor({ tasks: 3, name: 'small' });
    for (let i = 0; i < 3; i++) executor.spawn(() => i);
    assert.throws(() => executor.spawn(() => 3), {
      code: 'ERR_TASK_LIMIT',
      message: /small.*at most 3/,
    });
    host.runUntilIdle();
    executor.spawn(() => 3);
  });

  it('close cancels all tasks, lets them clean up, and takes no more', async () => {
    const log: string[] = [];
    const gate = new Gate<void>();
    executor.spawn(function* () {
      try {
        yield* gate;
      } finally {
        yield* yieldNow();
        log.push('cleaned');
      }
    });
    host.runUntilIdle();
    let isOver = false;
    const closing = executor.close().then(() => (isOver = true));
    assert.throws(() => executor.spawn(() => 0), { code: 'ERR_EXECUTOR_CLOSED' });
    assert.equal(isOver, false);
    host.runUntilIdle();
    await closing;
    assert.deepEqual(log, ['cleaned']);
    assert.equal(gate.cancels, 1);
    await executor.close();
  });

  it('refuses what cannot be run', () => {
    for (const bad of [undefined, null, 5, 'text', {}, Symbol('s')]) {
      assert.throws(
        () => executor.spawn(bad as never),
        { code: 'ERR_TASK_KIND' },
        `a ${typeof bad}`,
      );
    }
    assert.equal(executor.living, 0);
  });

  it('takes an error of a wrong yield into the coroutine', () => {
    let caught: unknown;
    executor.spawn(function* () {
      try {
        yield 5 as never;
      } catch (error) {
        caught = error;
      }
    });
    host.runUntilIdle();
    assert.equal((caught as { code: string }).code, 'ERR_TASK_YIELD');
  });

  it('says where yield* is not possible', () => {
    assert.throws(() => [...(yieldNow() as Iterable<unknown>)], { code: 'ERR_TASK_OUTSIDE' });
  });
});

describe('Executor: errors', () => {
  it('reports an error that nobody waits for, once, and not before others had their turn', () => {
    const error = new Error('lost');
    executor.spawn(() => {
      throw error;
    });
    host.runUntilIdle();
    assert.deepEqual(host.reported, [error]);
    host.runUntilIdle();
    assert.equal(host.reported.length, 1);
  });

  it('reports nothing when somebody waits in time', async () => {
    const handle = executor.spawn(() => {
      throw new Error('kept');
    });
    const caught = assert.rejects(
      handle.catch((error: unknown) => Promise.reject(error as Error)),
      /kept/,
    );
    host.runUntilIdle();
    await caught;
    assert.deepEqual(host.reported, []);
  });

  it('reports nothing for a cancelled task', () => {
    executor.spawn(new Gate<void>()).abort();
    host.runUntilIdle();
    assert.deepEqual(host.reported, []);
  });

  it('reports the error of a detached task', () => {
    const handle = executor.spawn(() => {
      throw new Error('detached');
    });
    handle.detach();
    host.runUntilIdle();
    assert.match(String(host.reported[0]), /detached/);
  });

  it('gives the same error to all who wait', () => {
    const gate = new Gate<void>();
    const handle = executor.spawn(function* () {
      yield* gate;
      throw new Error('shared');
    });
    const caught: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      executor.spawn(function* () {
        try {
          yield* handle;
        } catch (error) {
          caught.push(error);
        }
      });
    }
    host.runUntilIdle();
    gate.open();
    host.runUntilIdle();
    assert.equal(caught.length, 3);
    assert.ok(caught.every((error) => error === caught[0]));
    assert.ok(!(caught[0] instanceof CancelledError));
    assert.deepEqual(host.reported, []);
  });
});

describe('Executor: what goes wrong elsewhere', () => {
  it('goes on with the other tasks when a waker of other make throws', () => {
    const refuses = (): never => {
      throw new Error('of other make');
    };
    const waker = wakerFrom(1, {
      clone: () => 1,
      wake: refuses,
      wakeByRef: refuses,
      drop: refuses,
    });
    const handle = executor.spawn(yieldNow());
    handle.poll({ waker, proceed: () => true });
    let polls = 0;
    executor.spawn(pollFn(() => (polls += 1)));
    assert.throws(() => host.runUntilIdle(), /of other make/);
    host.runUntilIdle();
    assert.equal(polls, 1);
    assert.equal(executor.living, 0);
  });

  it('polls the more urgent of two that were woken first', () => {
    const log: string[] = [];
    const gates = (['high', 'normal'] as const).map((priority) => {
      const gate = new Gate<string>();
      executor.spawn(
        function* () {
          log.push(yield* gate);
        },
        { priority },
      );
      return gate;
    });
    host.runUntilIdle();
    executor.spawn(
      pollFn(() => {
        gates[0]!.open('high');
        gates[1]!.open('normal');
      }),
    );
    host.runUntilIdle();
    assert.deepEqual(log, ['high', 'normal']);
  });

  it('keeps nothing in a handle but what came of the task', () => {
    const local = new TaskLocal<object>();
    const kept: Task[] = [];
    executor.spawn(
      scope(function* (s) {
        function* body(): Coroutine<void> {
          kept.push(s.spawn(yieldNow()) as unknown as Task);
          yield* yieldNow();
        }
        yield* local.with({}, body());
      }),
    );
    host.runUntilIdle();
    assert.equal(kept[0]!.isFinished, true);
    assert.equal(kept[0]!.inherited, undefined);
    assert.equal(kept[0]!.cold?.ended, undefined);
  });

  it('takes one unit of the budget for a task that was waited for and is over', () => {
    const over = executor.spawn(yieldNow());
    host.runUntilIdle();
    let polls = 0;
    const waits = toFuture(
      (function* () {
        for (let i = 0; i < 1000; i++) yield* over;
      })(),
    );
    executor.spawn(
      pollFn((context) => {
        polls += 1;
        return waits.poll(context);
      }),
    );
    host.runUntilIdle();
    assert.equal(polls, Math.ceil(1000 / executor.options.budget));
  });
});

it("Executor with 'feedback': a child has the class that its parent was spawned with", () => {
  const feedback = new VirtualHost().executor({ scheduling: 'feedback', budget: 1 });
  const greedy = pollFn((context) => {
    while (context.proceed());
    return PENDING;
  });
  const levels: number[] = [];
  feedback.spawn(
    pollFn((context) => {
      const parent = feedback.running!;
      if (parent.level === parent.priorityLevel) return greedy.poll(context);
      const child = feedback.spawnTask(yieldNow());
      levels.push(parent.level, child.level, child.priorityLevel);
      return undefined;
    }),
  );
  for (let i = 0; i < 10; i++) feedback.turn();
  assert.deepEqual(levels, [2, 1, 1]);
});
