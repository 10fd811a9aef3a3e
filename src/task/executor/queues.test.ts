import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { AGING, ClassQueue, CLASSES, POLLS_UNTIL_SERVED } from './class-queue.ts';
import { DeadlineQueue } from './deadline-queue.ts';
import { FeedbackQueue, POLLS_TO_RISE, POLLS_TO_SINK } from './feedback-queue.ts';
import type { RunQueue } from './queue.ts';
import type { Task } from './task.ts';

/** As much of a task as a queue looks at. */
interface FakeTask {
  slot: number;
  level: number;
  priorityLevel: number;
  credit: number;
  due: number | undefined;
}

let tasks: Task[] = [];
beforeEach(() => (tasks = []));

function fake(level = 1, due?: number): Task & FakeTask {
  const slot = tasks.length;
  const task = { slot, level, priorityLevel: level, credit: 0, due } as Task & FakeTask;
  tasks.push(task);
  return task;
}

function pop(queue: RunQueue): Task | undefined {
  const slot = queue.pop();
  return slot === -1 ? undefined : tasks[slot];
}

const kinds: [name: string, make: () => RunQueue][] = [
  ['ClassQueue', () => new ClassQueue()],
  ['FeedbackQueue', () => new FeedbackQueue()],
  ['DeadlineQueue', () => new DeadlineQueue(() => 0, 1000)],
];

for (const [name, make] of kinds) {
  describe(`${name}: what holds for every queue`, () => {
    it('is empty at first, and after everything was taken', () => {
      const queue = make();
      assert.equal(pop(queue), undefined);
      const task = fake();
      queue.push(task);
      assert.equal(queue.size, 1);
      assert.equal(pop(queue), task);
      assert.equal(queue.size, 0);
      assert.equal(pop(queue), undefined);
    });

    it('gives equal tasks in the order in which they came', () => {
      const queue = make();
      const many = Array.from({ length: 1000 }, () => fake());
      for (const task of many) queue.push(task);
      for (const task of many) assert.equal(pop(queue), task);
    });

    it('gives each task once, whatever is pushed and taken', () => {
      const step = fc.oneof(
        fc.record({ push: fc.nat(3), due: fc.option(fc.nat(5000), { nil: undefined }) }),
        fc.constant('pop' as const),
      );
      fc.assert(
        fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
          const queue = make();
          const inside = new Set<Task>();
          for (const each of steps) {
            if (each !== 'pop') {
              const task = fake(each.push, each.due);
              inside.add(task);
              queue.push(task);
            } else {
              const task = pop(queue);
              assert.equal(task === undefined, inside.size === 0);
              if (task !== undefined) assert.ok(inside.delete(task), 'was in the queue, once');
            }
            assert.equal(queue.size, inside.size);
          }
        }),
      );
    });
  });
}

describe('ClassQueue', () => {
  it('prefers the most urgent class', () => {
    const queue = new ClassQueue();
    const [low, high] = [fake(3), fake(0)];
    queue.push(low);
    queue.push(high);
    assert.ok(!queue.isFirst(low));
    assert.ok(queue.isFirst(fake(0)));
    assert.equal(pop(queue), high);
    assert.equal(pop(queue), low);
  });

  it('keeps its bound: no ready class waits longer, whatever the others do', () => {
    const arrivals = fc.array(fc.uniqueArray(fc.nat(CLASSES - 1)), {
      minLength: 200,
      maxLength: 600,
    });
    fc.assert(
      fc.property(arrivals, (rounds) => {
        const queue = new ClassQueue();
        const waiting = new Int32Array(CLASSES);
        const ready = new Int32Array(CLASSES);
        // Two of each, so that every class always has a rival for long.
        for (let level = 0; level < CLASSES; level++) {
          queue.push(fake(level));
          ready[level]! += 1;
        }
        for (const levels of rounds) {
          for (const level of levels) {
            queue.push(fake(level));
            ready[level]! += 1;
          }
          const task = pop(queue);
          if (task === undefined) continue;
          ready[task.level]! -= 1;
          for (let level = 0; level < CLASSES; level++) {
            if (level === task.level || ready[level] === 0) waiting[level] = 0;
            else waiting[level]! += 1;
            assert.ok(waiting[level]! < POLLS_UNTIL_SERVED, `class ${level} starves`);
          }
        }
      }),
    );
  });

  it('serves the least urgent once in its bound under a flood of the most urgent', () => {
    const queue = new ClassQueue();
    const patient = fake(3);
    queue.push(patient);
    let polls = 0;
    for (;;) {
      queue.push(fake(0));
      polls += 1;
      if (pop(queue) === patient) break;
    }
    assert.equal(polls, AGING + 1);
  });
});

describe('FeedbackQueue', () => {
  it('lets a task sink that uses up its polls, and rise again when it does not', () => {
    const queue = new FeedbackQueue();
    const task = fake(1);
    const poll = (times: number, exhausted: boolean) => {
      for (let i = 0; i < times; i++) queue.ran(task, exhausted);
    };
    poll(POLLS_TO_SINK - 1, true);
    assert.equal(task.level, 1);
    poll(1, true);
    assert.equal(task.level, 2);
    poll(POLLS_TO_SINK * 5, true);
    assert.equal(task.level, CLASSES - 1);
    poll(POLLS_TO_RISE, false);
    assert.equal(task.level, CLASSES - 2);
    poll(POLLS_TO_RISE * 5, false);
    assert.equal(task.level, 1, 'never above the class that it was spawned with');
  });

  it('forgets what was before when the other kind of poll comes', () => {
    const queue = new FeedbackQueue();
    const task = fake(0);
    for (let i = 0; i < 50; i++) {
      queue.ran(task, true);
      queue.ran(task, false);
    }
    assert.equal(task.level, 0);
  });
});

describe('DeadlineQueue', () => {
  it('takes the earliest deadline, and those without one by their age', () => {
    let now = 0;
    const queue = new DeadlineQueue(() => now, 100);
    const plain = fake(1);
    queue.push(plain); // counts as due at 100
    const later = fake(1, 150);
    queue.push(later);
    const sooner = fake(1, 50);
    queue.push(sooner);
    now = 60;
    const young = fake(1); // counts as due at 160
    queue.push(young);
    assert.deepEqual(
      [pop(queue), pop(queue), pop(queue), pop(queue)],
      [sooner, plain, later, young],
    );
  });

  it('keeps its bound: nobody who became ready after a task was due goes before it', () => {
    const pushes = fc.array(
      fc.record({ due: fc.option(fc.nat(400), { nil: undefined }), after: fc.nat(20) }),
      { minLength: 1, maxLength: 200 },
    );
    fc.assert(
      fc.property(pushes, fc.integer({ min: 1, max: 200 }), (births, horizon) => {
        let now = 0;
        const queue = new DeadlineQueue(() => now, horizon);
        const born = new Map<Task, { at: number; key: number }>();
        const order: Task[] = [];
        for (const [index, { due, after }] of births.entries()) {
          now += after;
          const task = fake(1, due);
          born.set(task, { at: now, key: due === undefined ? now + horizon : Math.max(due, now) });
          queue.push(task);
          if (index % 3 === 2) order.push(pop(queue)!);
        }
        for (let task; (task = pop(queue)) !== undefined;) order.push(task);
        const place = new Map(order.map((task, index) => [task, index]));
        for (const [task, { key }] of born) {
          for (const [other, { at }] of born) {
            if (at > key) assert.ok(place.get(task)! < place.get(other)!, 'was overtaken');
          }
        }
      }),
    );
  });
});
