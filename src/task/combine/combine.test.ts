import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { SeededRandom } from '../../base/index.ts';
import { CancelledError } from '../errors.ts';
import type { Executor } from '../executor/index.ts';
import {
  BaseFuture,
  PENDING,
  pollFn,
  ready,
  yieldNow,
  type Context,
  type Poll,
  type Waker,
} from '../future/index.ts';
import { scope } from '../scope/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import { sleep } from '../time/index.ts';
import {
  attempt,
  borrow,
  deadline,
  join,
  joinSettled,
  race,
  select,
  shield,
  timeLeft,
  timeout,
} from './index.ts';

let host: VirtualHost;
let executor: Executor;
beforeEach(() => {
  host = new VirtualHost();
  executor = host.executor({ random: new SeededRandom(7) });
});

/** Runs to the end: the value, or what was thrown. */
function run<T>(future: BaseFuture<T> | (() => unknown)): T {
  let settled: { value: T } | { error: unknown } | undefined;
  executor.spawn(function* () {
    try {
      const made = typeof future === 'function' ? future() : future;
      settled = { value: yield* made as BaseFuture<T> };
    } catch (error) {
      settled = { error };
    }
  });
  host.runUntilIdle();
  assert.ok(settled !== undefined, 'it has ended');
  if ('error' in settled) throw settled.error;
  return settled.value;
}

class Probe extends BaseFuture<string> {
  polls = 0;
  cancels = 0;
  waker: Waker | undefined;
  result: string | Error | undefined;
  readonly #slow: number;
  constructor(slow = 0) {
    super();
    this.#slow = slow;
  }
  poll(context: Context): Poll<string> {
    this.polls += 1;
    if (this.result instanceof Error) throw this.result;
    if (this.result !== undefined) return this.result;
    this.waker = context.waker;
    return PENDING;
  }
  cancel(context: Context): Poll<void> {
    this.cancels += 1;
    if (this.cancels > this.#slow) return;
    context.waker.wakeByRef();
    return PENDING;
  }
  settle(result: string | Error): void {
    this.result = result;
    this.waker?.wakeByRef();
  }
}

describe('select', () => {
  it('gives the first and its key, after the others have let go', () => {
    const slow = new Probe(2);
    const first = run(() => select({ slow, fast: sleep(10) }));
    assert.deepEqual(first, { key: 'fast', value: undefined });
    assert.equal(slow.cancels, 3);
  });

  it('chooses by chance among those that are ready, each about as often', () => {
    const wins = { a: 0, b: 0, c: 0 };
    executor.spawn(function* () {
      for (let i = 0; i < 3000; i++) {
        const { key } = yield* select({ a: ready(1), b: ready(2), c: ready(3) });
        wins[key] += 1;
      }
    });
    host.runUntilIdle();
    for (const count of Object.values(wins)) assert.ok(count > 850 && count < 1150, `${count}`);
  });

  it('takes the first in order when biased, and polls none behind it', () => {
    const later = new Probe();
    const first = run(() => select({ a: ready(1), later }, { biased: true }));
    assert.deepEqual(first, { key: 'a', value: 1 });
    assert.equal(later.polls, 0);
    assert.equal(later.cancels, 1, 'one never polled is given up too');
  });

  it('throws what the first to end threw, after the others have let go', () => {
    const other = new Probe(1);
    const failing = new Probe();
    failing.settle(new Error('first'));
    assert.throws(() => run(() => select({ failing, other }, { biased: true })), /first/);
    assert.equal(other.cancels, 2);
  });

  it('leaves out branches that are switched off, and refuses when all are', () => {
    const off = undefined as Probe | undefined;
    assert.deepEqual(
      run(() => select({ off, on: ready(1) })),
      { key: 'on', value: 1 },
    );
    assert.throws(() => select({ off }), { code: 'ERR_TASK_KIND' });
    assert.throws(() => select({ a: ready(1) }, { bias: true } as object), {
      code: 'ERR_OPTION_UNKNOWN',
    });
  });

  it('gives up all when it is given up', () => {
    const [a, b] = [new Probe(0), new Probe(3)];
    const task = new TestTask(select({ a, b }));
    task.poll();
    let steps = 0;
    while (!task.cancel()) steps += 1;
    assert.deepEqual([a.cancels, b.cancels, steps], [1, 4, 3]);
  });

  it('leaves a borrowed future as it is, for the next time', () => {
    const lasting = new Probe();
    const seen: string[] = [];
    executor.spawn(function* () {
      for (;;) {
        const first = yield* select({ lasting: borrow(lasting), tick: sleep(10) });
        seen.push(first.key);
        if (first.key === 'lasting') return;
      }
    });
    host.runFor(35);
    lasting.settle('now');
    host.runUntilIdle();
    assert.deepEqual(seen, ['tick', 'tick', 'tick', 'lasting']);
    assert.equal(lasting.cancels, 0);
  });

  it('polls nothing again that lost in a loop of selects that is always ready', () => {
    let polls = 0;
    executor.spawn(function* () {
      for (let i = 0; i < 1000; i++) {
        yield* select({ a: ready(i), b: pollFn(() => (polls += 1)) }, { biased: true });
      }
    });
    host.runUntilIdle();
    assert.equal(polls, 0);
  });
});

describe('race', () => {
  it('gives the value of the first, and gives up the others', () => {
    const probe = new Probe();
    const value = run(() => race([probe, sleep(5)]));
    assert.equal(value, undefined);
    assert.equal(probe.cancels, 1);
    assert.throws(() => race([]), { code: 'ERR_TASK_KIND' });
  });
});

describe('join', () => {
  it('gives the values in the shape that it was given', () => {
    function* slowly(value: string) {
      yield* sleep(10);
      return value;
    }
    assert.deepEqual(
      run(() => join([ready(1), slowly('two'), ready(true)])),
      [1, 'two', true],
    );
    assert.deepEqual(
      run(() => join({ a: slowly('x'), b: ready(2) })),
      { a: 'x', b: 2 },
    );
    assert.deepEqual(
      run(() => join([])),
      [],
    );
    assert.deepEqual(
      run(() => join({})),
      {},
    );
    assert.equal(host.now(), 20);
  });

  it('refuses what is no array or object of futures', () => {
    for (const bad of [5, null, undefined, ready(1), () => ready(1)]) {
      assert.throws(() => join(bad as never), { code: 'ERR_TASK_KIND' });
    }
    assert.throws(() => join([(() => ready(1)) as never]), { message: /call it first/ });
  });

  it('polls only those that were woken', () => {
    const probes = Array.from({ length: 100 }, () => new Probe());
    const task = new TestTask(join(probes));
    task.poll();
    for (const [index, probe] of probes.entries()) {
      probe.settle(String(index));
      const value = task.poll();
      if (index < 99) assert.equal(value, PENDING);
      else assert.equal((value as string[]).length, 100);
    }
    assert.deepEqual(new Set(probes.map((probe) => probe.polls)), new Set([2]));
  });

  it('gives up the others when one throws, waits for them, and throws', () => {
    const [slow, failing] = [new Probe(3), new Probe()];
    failing.settle(new Error('broken'));
    assert.throws(() => run(() => join([slow, failing])), /broken/);
    assert.equal(slow.cancels, 4);
  });

  it('does not let one that never stops keep the others from their end', () => {
    const busy = pollFn((context) => {
      while (context.proceed());
      return PENDING;
    });
    let other = false;
    const handle = executor.spawn(
      join([
        busy,
        (function* () {
          yield* yieldNow();
          other = true;
        })(),
      ]),
    );
    executor.turn();
    assert.ok(other);
    handle.abort();
    executor.turn();
  });

  it('joinSettled waits for all and throws nothing', () => {
    const failing = new Probe();
    failing.settle(new Error('one'));
    const [first, second] = run<[{ ok: boolean; error: Error }, { ok: boolean; value: number }]>(
      () => joinSettled([failing, ready(2)]),
    );
    assert.equal(first.ok, false);
    assert.equal(first.error.message, 'one');
    assert.deepEqual(second, { ok: true, value: 2 });
  });
});

describe('attempt and shield', () => {
  it('attempt gives a value or an error', () => {
    const failing = new Probe();
    failing.settle(new Error('no'));
    assert.deepEqual(
      run(() => attempt(ready(1))),
      { ok: true, value: 1 },
    );
    const result = run<{ ok: boolean; error: Error }>(() => attempt(failing));
    assert.deepEqual([result.ok, result.error.message], [false, 'no']);
  });

  it('attempt does not keep a task from being cancelled', () => {
    let after = false;
    const handle = executor.spawn(function* () {
      yield* attempt(new Probe());
      after = true;
    });
    host.runUntilIdle();
    handle.abort();
    host.runUntilIdle();
    assert.ok(handle.isFinished);
    assert.equal(after, false);
  });

  it('shield lets the end come before it is given up', () => {
    const log: string[] = [];
    const handle = executor.spawn(
      shield(
        (function* () {
          yield* sleep(100);
          log.push('done');
        })(),
      ),
    );
    host.runFor(10);
    handle.abort();
    host.runUntilIdle();
    assert.deepEqual(log, ['done']);
    assert.equal(host.now(), 100);
  });
});

describe('timeout', () => {
  it('gives the value when it comes in time, and leaves no timer', () => {
    assert.equal(
      run(() => timeout(100, ready(5))),
      5,
    );
    const value = run(() =>
      timeout(
        100,
        (function* () {
          yield* sleep(99);
          return 6;
        })(),
      ),
    );
    assert.equal(value, 6);
    assert.equal(executor.timers.size, 0);
  });

  it('takes fractions, and Infinity for no limit', () => {
    assert.equal(
      run(() => timeout(0.5, ready(1))),
      1,
    );
    assert.equal(
      run(() => timeout(timeLeft(), ready(2))),
      2,
    );
    assert.equal(
      run(() => deadline(Infinity, timeout(Infinity, ready(3)))),
      3,
    );
    assert.equal(executor.timers.size, 0);
  });

  it('gives the future up when it does not, waits for it, and throws', () => {
    const slow = new Probe(2);
    assert.throws(() => run(() => timeout(100, slow)), {
      code: 'ERR_TASK_TIMEOUT',
      message: /100 ms/,
    });
    assert.equal(host.now(), 100);
    assert.equal(slow.cancels, 3);
  });

  it('lets a value win that comes in the same moment', () => {
    assert.equal(
      run(() => timeout(0, ready('at once'))),
      'at once',
    );
    const both = run<{ ok: boolean }>(() => timeout(50, attempt(sleep(50))));
    assert.equal(both.ok, true);
  });

  it('refuses times that are none', () => {
    for (const bad of [-1, NaN, 2 ** 51]) {
      assert.throws(() => timeout(bad, ready(1)), { code: /ERR_OPTION_/ });
    }
  });
});

describe('deadline', () => {
  it('ends what it was given, and all tasks that were started in it', () => {
    const cancelled: string[] = [];
    function* lasting(name: string) {
      try {
        yield* new Probe();
      } finally {
        cancelled.push(`${name} at ${host.now()}`);
      }
    }
    const future = deadline(
      100,
      scope(function* (s) {
        s.spawn(() => scope((inner) => inner.spawn(lasting('grandchild'))));
        executor.spawn(lasting('loose'));
        yield* lasting('body');
      }),
    );
    assert.throws(() => run(future), { code: 'ERR_TASK_DEADLINE' });
    assert.deepEqual(cancelled.sort(), ['body at 100', 'grandchild at 100', 'loose at 100']);
    assert.equal(executor.living, 0);
  });

  it('gives the tasks that it ends their reason', async () => {
    let handle: PromiseLike<unknown> | undefined;
    assert.throws(() =>
      run(
        deadline(
          10,
          (function* () {
            handle = executor.spawn(new Probe());
            yield* new Probe();
          })(),
        ),
      ),
    );
    const error = await handle!.then(
      () => assert.fail(),
      (caught: unknown) => caught,
    );
    assert.ok(error instanceof CancelledError);
    assert.equal((error.reason as { code: string }).code, 'ERR_TASK_DEADLINE');
  });

  it('keeps the earlier one of two, and says how much time is left', () => {
    const left: number[] = [timeLeft()];
    assert.throws(
      () =>
        run(
          deadline(
            100,
            (function* () {
              yield* sleep(30);
              left.push(timeLeft());
              yield* deadline(
                500,
                (function* () {
                  left.push(timeLeft());
                  yield* new Probe();
                })(),
              );
            })(),
          ),
        ),
      { code: 'ERR_TASK_DEADLINE' },
    );
    assert.deepEqual(left, [Infinity, 70, 70]);
    assert.equal(host.now(), 100);
  });

  it('is without effect for what ends in time', () => {
    assert.equal(run(deadline(100, ready(3))), 3);
    assert.equal(executor.timers.size, 0);
  });
});
