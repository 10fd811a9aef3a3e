import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  FIRST_POLLS,
  LONG_POLLS,
  SLICE_POLLS,
  WATCHED_POLLS,
  Watchdog,
  type SlowPoll,
  type WatchedTask,
  type WatchdogOptions,
} from './watchdog.ts';

const taskIn = (slot: number): WatchedTask => ({
  id: slot + 1,
  name: `task-${slot}`,
  location: `file.ts:${slot}`,
});

/** An executor whose polls take as long as the test says, on a clock that only they move. */
class Bench {
  now = 1000;
  readings = 0;
  readonly busy = new Map<number, number>();
  readonly slow: SlowPoll[] = [];
  readonly reported: unknown[] = [];
  readonly ended = new Set<number>();
  readonly dog: Watchdog;

  constructor(options: WatchdogOptions = {}) {
    const clock = {
      now: (): number => {
        this.readings += 1;
        return this.now;
      },
    };
    const addBusy = (slot: number, milliseconds: number): void => {
      this.busy.set(slot, (this.busy.get(slot) ?? 0) + milliseconds);
    };
    this.dog = new Watchdog(
      {
        clock,
        counters: { addBusy },
        taskAt: (slot) => {
          if (this.ended.has(slot)) return undefined;
          return taskIn(slot);
        },
        report: (error) => this.reported.push(error),
      },
      { onSlowPoll: (poll) => this.slow.push(poll), ...options },
    );
  }

  /** One turn of polls: pairs of slot and milliseconds. */
  turn(polls: Iterable<readonly [slot: number, milliseconds: number]>): void {
    this.dog.begin(this.now);
    for (const [slot, milliseconds] of polls) {
      this.now += milliseconds;
      this.dog.polled(slot, taskIn(slot));
    }
    assert.equal(this.dog.end(), this.now);
  }

  get total(): number {
    let total = 0;
    for (const milliseconds of this.busy.values()) total += milliseconds;
    return total;
  }
}

const short = (count: number, first = 0): [number, number][] =>
  Array.from({ length: count }, (_, i) => [first + i, 0.001]);

describe('Watchdog, adaptive', () => {
  test('a task that is busy for 100 ms in a turn of few polls is named alone', () => {
    const bench = new Bench();
    bench.turn([
      [0, 0.01],
      [7, 100],
      [1, 0.01],
    ]);
    assert.deepEqual(bench.slow, [
      { duration: 100, polls: 1, tasks: [{ id: 8, name: 'task-7', location: 'file.ts:7' }] },
    ]);
    assert.equal(bench.dog.slowPolls, 1);
  });

  test('under saturation it is among the suspects first, and named alone the second time', () => {
    const bench = new Bench();
    bench.turn([...short(100), [200, 100], ...short(100), [200, 100], ...short(100)]);
    assert.equal(bench.slow.length, 2);
    const [suspects, culprit] = bench.slow as [SlowPoll, SlowPoll];
    assert.ok(suspects.tasks.length <= SLICE_POLLS);
    assert.ok(suspects.tasks.some(({ id }) => id === 201));
    assert.equal(suspects.polls, SLICE_POLLS);
    assert.deepEqual([culprit.polls, culprit.tasks.map(({ id }) => id)], [1, [201]]);
  });

  test('it is named alone at once where polls are not short', () => {
    const bench = new Bench();
    const polls: [number, number][] = Array.from({ length: SLICE_POLLS * 2 }, (_, i) => [i, 0.01]);
    bench.turn([...polls, [99, 100]]);
    assert.deepEqual(
      bench.slow.map(({ tasks }) => tasks.map(({ id }) => id)),
      [[100]],
    );
  });

  test('short polls cost a reading for each slice, and one for each of the first', () => {
    const bench = new Bench();
    bench.turn(short(FIRST_POLLS + 10 * SLICE_POLLS));
    assert.equal(bench.readings, FIRST_POLLS + 10);
    bench.readings = 0;
    bench.turn(short(2));
    assert.equal(bench.readings, 2, 'nothing is left to be measured at the end');
  });

  test('a slow slice has the next polls timed one by one, and no longer than that', () => {
    const bench = new Bench();
    bench.turn([...short(FIRST_POLLS), [1, 60], ...short(SLICE_POLLS - 1)]);
    bench.readings = 0;
    bench.turn(short(WATCHED_POLLS + SLICE_POLLS));
    assert.equal(bench.readings, WATCHED_POLLS + 1);
  });

  test('polls that are not short are timed one by one for a while', () => {
    const bench = new Bench();
    bench.turn([
      ...short(FIRST_POLLS),
      ...Array.from({ length: SLICE_POLLS }, () => [3, 1] as const),
    ]);
    bench.readings = 0;
    bench.turn(short(LONG_POLLS + SLICE_POLLS));
    assert.equal(bench.readings, LONG_POLLS + 1);
  });

  test('a task that was timed alone is named although its slow poll was its last', () => {
    const bench = new Bench();
    bench.ended.add(7);
    bench.turn([[7, 100]]);
    assert.deepEqual(
      bench.slow.map(({ tasks }) => tasks.map(({ id }) => id)),
      [[8]],
    );
  });

  test('a suspect that has ended is left out', () => {
    const bench = new Bench();
    bench.ended.add(200);
    bench.turn([...short(FIRST_POLLS), [200, 70], [5, 0]]);
    assert.deepEqual(
      bench.slow.map(({ tasks, polls }) => [polls, tasks.map(({ id }) => id)]),
      [[2, [6]]],
    );
  });
});

const programs = fc.array(
  fc.array(fc.tuple(fc.nat(40), fc.constantFrom(0, 0.001, 0.02, 3, 60)), { maxLength: 200 }),
  { maxLength: 20 },
);

test('Watchdog: what tasks are charged with is the time of the turns, whatever is timed how', () => {
  fc.assert(
    fc.property(
      programs,
      fc.constantFrom('adaptive' as const, 'every' as const),
      (turns, timing) => {
        const bench = new Bench({ timing });
        for (const turn of turns) bench.turn(turn);
        const expected = turns.flat().reduce((sum, [, milliseconds]) => sum + milliseconds, 0);
        assert.ok(Math.abs(bench.total - expected) < 1e-6);
        const polled = new Set(turns.flat().map(([slot]) => slot));
        for (const slot of bench.busy.keys()) assert.ok(polled.has(slot));
      },
    ),
  );
});

test('Watchdog: every slow poll is reported, with its task among the suspects', () => {
  fc.assert(
    fc.property(programs, (turns) => {
      const bench = new Bench();
      for (const turn of turns) bench.turn(turn);
      const slow = turns.flat().filter(([, milliseconds]) => milliseconds >= 50);
      const reported = bench.slow.flatMap(({ tasks }) => tasks.map(({ id }) => id - 1));
      for (const [slot] of slow) assert.ok(reported.includes(slot));
      for (const { duration, polls, tasks } of bench.slow) {
        assert.ok(duration >= 50 && polls >= 1 && tasks.length >= 1 && tasks.length <= polls);
      }
    }),
  );
});

test("Watchdog with timing 'every' names each slow task alone and charges each its own", () => {
  fc.assert(
    fc.property(programs, (turns) => {
      // Below the shortest slow one: sums of fractions come out a little under.
      const bench = new Bench({ timing: 'every', slowPollMs: 2 });
      for (const turn of turns) bench.turn(turn);
      const slow = turns.flat().filter(([, milliseconds]) => milliseconds >= 3);
      assert.deepEqual(
        bench.slow.map(({ tasks }) => tasks.map(({ id }) => id - 1)),
        slow.map(([slot]) => [slot]),
      );
    }),
  );
});

test("Watchdog with timing 'off' charges and reports nothing, but knows the time roughly", () => {
  const bench = new Bench({ timing: 'off' });
  bench.turn([...short(20), [1, 100], ...short(20)]);
  assert.equal(bench.total, 0);
  assert.deepEqual(bench.slow, []);
  assert.equal(bench.dog.recent, bench.now);
  assert.equal(bench.readings, Math.ceil(41 / SLICE_POLLS));
});

test('Watchdog: tasks of short polls get their shares of slices over time', () => {
  const bench = new Bench();
  const SLICES = 1600;
  // The same task is at the same place of each slice.
  const slice: [number, number][] = Array.from({ length: SLICE_POLLS }, (_, i) => [i, 0.001]);
  bench.turn([...short(FIRST_POLLS, 100), ...Array.from({ length: SLICES }, () => slice).flat()]);
  for (let slot = 0; slot < SLICE_POLLS; slot++) {
    // 100 slices of 16 microseconds each are expected; the draws are the same in every run.
    const share = bench.busy.get(slot)! / (SLICES * 0.001);
    assert.ok(share > 0.6 && share < 1.5, `task ${slot} was charged ${share} of its time`);
  }
});

test('Watchdog: an error of onSlowPoll is reported and stops nothing', () => {
  const error = new Error('from the callback');
  const bench = new Bench({
    onSlowPoll: () => {
      throw error;
    },
  });
  bench.turn([
    [1, 70],
    [2, 70],
  ]);
  assert.deepEqual(bench.reported, [error, error]);
});

test('Watchdog: by default a warning of the process names the task, once', async () => {
  let now = 0;
  const warned = once(process, 'warning') as Promise<[Error & { code?: string }]>;
  const dog = new Watchdog({
    clock: { now: () => now },
    counters: { addBusy: () => undefined },
    taskAt: () => undefined,
    report: () => assert.fail(),
  });
  for (let i = 0; i < 3; i++) {
    dog.begin(now);
    now += 100;
    dog.polled(12, { id: 12, name: 'report', location: 'at main (app.ts:3:7)' });
  }
  const [warning] = await warned;
  assert.equal(warning.code, 'RONDO_SLOW_POLL');
  assert.equal(
    warning.message,
    'A poll of task 12 (report), spawned at main (app.ts:3:7) took 100 ms without waiting',
  );
  assert.equal(dog.slowPolls, 3);
});

test('Watchdog: options are checked', () => {
  const code = (name: string): { code: string } => ({ code: name });
  assert.throws(() => new Bench({ slowPollMs: 0 }), code('ERR_OPTION_RANGE'));
  assert.throws(() => new Bench({ timing: 'never' as 'off' }), code('ERR_OPTION_TYPE'));
  assert.throws(() => new Bench({ slow: 1 } as WatchdogOptions), code('ERR_OPTION_UNKNOWN'));
});
