/** Notify, Barrier, OnceCell and oneshot against naive models. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PENDING, pollFn } from '../../../src/task/future/index.ts';
import { Barrier, Notify, OnceCell, oneshot } from '../../../src/task/sync/index.ts';
import type { TestTask } from '../../../src/task/testing/test-task.ts';
import { checkWakes, outcome, pick, programs, Waiting, type Step } from './model.test.helper.ts';

type By = 'first' | 'last' | 'all';
interface Told {
  /** The calls of notifyWaiters when it was made. */
  readonly rounds: number;
  by: By | undefined;
}

class NotifyModel {
  readonly notify = new Notify();
  readonly all: Waiting<void, Told>[] = [];
  queue: Waiting<void, Told>[] = [];
  hasPermit = false;
  rounds = 0;
  /** Notifications for one that were given; each ends one wait, or is kept, or is out. */
  given = 0;
  ended = 0;

  tell(by: 'first' | 'last'): void {
    const chosen = by === 'first' ? this.queue.shift() : this.queue.pop();
    if (chosen === undefined) {
      if (this.hasPermit) this.given -= 1;
      this.hasPermit = true;
    } else {
      chosen.state = 'chosen';
      chosen.known.by = by;
    }
  }

  poll(one: Waiting<void, Told>): void {
    const { known } = one;
    const isMissed = one.state === 'new' && known.rounds !== this.rounds;
    const isKept = one.state === 'new' && !isMissed && this.hasPermit;
    const result = outcome(one.task);
    if (one.state === 'chosen' || isMissed || isKept) {
      assert.deepEqual(result, { value: undefined });
      if (isKept) this.hasPermit = false;
      if (isKept || (!isMissed && known.by !== 'all')) this.ended += 1;
      one.state = 'over';
    } else {
      assert.equal(result, 'pending');
      if (one.state === 'new') this.queue.push(one);
      one.state = 'waiting';
    }
  }

  step([action, choice]: Step): void {
    const open = pick(choice, this.all, ({ isOpen }) => isOpen);
    if (action <= 1) {
      const known = { rounds: this.rounds, by: undefined };
      this.all.push(new Waiting(this.notify.notified(), known));
    } else if (action <= 3 && open !== undefined) this.poll(open);
    else if (action === 4 && open !== undefined) this.cancel(open);
    else if (action === 5 || action === 6) {
      this.given += 1;
      if (action === 5) this.notify.notifyOne();
      else this.notify.notifyLast();
      this.tell(action === 5 ? 'first' : 'last');
    } else if (action === 7) {
      this.notify.notifyWaiters();
      this.rounds += 1;
      for (const one of this.queue.splice(0)) {
        one.state = 'chosen';
        one.known.by = 'all';
      }
    }
  }

  cancel(one: Waiting<void, Told>): void {
    const { state, known } = one;
    this.queue = this.queue.filter((other) => other !== one);
    one.state = 'over';
    assert.ok(one.task.cancel());
    if (state === 'chosen' && known.by !== 'all') this.tell(known.by!);
  }

  check(): void {
    checkWakes(this.all);
    assert.equal(this.notify.waiters, this.queue.length);
    assert.equal(this.notify.hasPermit, this.hasPermit);
    const out = this.all.filter(({ state, known }) => state === 'chosen' && known.by !== 'all');
    assert.equal(this.given, this.ended + out.length + (this.hasPermit ? 1 : 0), 'none is lost');
  }
}

describe('Against models', () => {
  test('Notify', () => {
    const property = fc.property(programs(8), (steps) => {
      const model = new NotifyModel();
      for (const step of steps) {
        model.step(step);
        model.check();
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  test('Barrier', () => {
    const property = fc.property(fc.integer({ min: 1, max: 4 }), programs(4), (size, steps) => {
      const barrier = new Barrier(size);
      const all: Waiting<boolean, undefined>[] = [];
      for (const [action, choice] of steps) {
        const open = pick(choice, all, ({ isOpen }) => isOpen);
        const arrived = all.filter(({ state }) => state === 'waiting');
        if (action === 0) {
          all.push(new Waiting(barrier.wait(), undefined));
        } else if (action <= 2 && open !== undefined) {
          const isLast = open.state === 'new' && arrived.length + 1 === size;
          const isDone = isLast || open.state === 'chosen';
          assert.deepEqual(outcome(open.task), isDone ? { value: isLast } : 'pending');
          if (isLast) for (const one of arrived) one.state = 'chosen';
          open.state = isDone ? 'over' : 'waiting';
        } else if (action === 3 && open !== undefined) {
          open.state = 'over';
          assert.ok(open.task.cancel());
        }
        checkWakes(all);
        assert.equal(barrier.waiters, all.filter(({ state }) => state === 'waiting').length);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  test('OnceCell: one at a time makes the value, and all get it', () => {
    const property = fc.property(programs(4), (steps) => {
      const cell = new OnceCell<number>();
      const tasks: { task: TestTask<number>; isOver: boolean }[] = [];
      let running = 0;
      let isMade = false;
      const make = (
        index: number,
        stepsLeft: number,
      ): (() => ReturnType<typeof pollFn<number>>) => {
        return () => {
          running += 1;
          assert.equal(running, 1, 'one at a time');
          assert.equal(isMade, false, 'once');
          return pollFn<number>(
            (context) => {
              context.waker.wakeByRef();
              if (stepsLeft-- > 0) return PENDING;
              running -= 1;
              if (index % 3 === 0) throw Object.assign(new Error('failed'), { code: 'FAILED' });
              isMade = true;
              return index;
            },
            () => void (running -= 1),
          );
        };
      };
      for (const [action, choice] of steps) {
        const open = pick(choice, tasks, ({ isOver }) => !isOver);
        if (action === 0) {
          const future = cell.getOrInit(make(tasks.length, choice % 3));
          tasks.push({ task: new Waiting(future, undefined).task, isOver: false });
        } else if (action <= 2 && open !== undefined) {
          const result = outcome(open.task);
          open.isOver = result !== 'pending';
          if (typeof result === 'object' && 'value' in result) {
            assert.equal(result.value, cell.get());
          }
        } else if (action === 3 && open !== undefined) {
          open.isOver = true;
          assert.ok(open.task.cancel());
        }
        assert.equal(cell.isSet, isMade);
      }
      // Whoever is left gets a value or fails on its own: nobody waits for one that is gone.
      for (let round = 0; tasks.some(({ isOver }) => !isOver); round++) {
        assert.ok(round < 1000, 'somebody waits for ever');
        for (const one of tasks) if (!one.isOver) one.isOver = outcome(one.task) !== 'pending';
      }
      assert.equal(cell.waiters, 0);
    });
    fc.assert(property, { numRuns: 300 });
  });

  test('oneshot: what was sent is received or dropped, by one', () => {
    const property = fc.property(programs(7), (steps) => {
      const { sender, receiver } = oneshot<number>();
      const tasks: TestTask<number>[] = [];
      let state: 'open' | 'sent' | 'closed' | 'taken' = 'open';
      let isGone = false;
      for (const [action, choice] of steps) {
        const task = pick(choice, tasks, () => true);
        if (action === 0) tasks.push(new Waiting(receiver.receive(), undefined).task);
        else if (action <= 2 && task !== undefined) {
          tasks.splice(tasks.indexOf(task), 1);
          const wasWoken = task.isWoken || task.wakes === 0;
          const result = outcome(task);
          if (state === 'open') assert.equal(result, 'pending');
          else if (state === 'sent') assert.deepEqual(result, { value: 7 });
          else if (state === 'closed') assert.deepEqual(result, { code: 'ERR_CHANNEL_CLOSED' });
          else assert.deepEqual(result, { code: 'ERR_TASK_OVER' });
          if (state === 'open') tasks.push(task);
          else assert.ok(wasWoken);
          if (state === 'sent') [state, isGone] = ['taken', true];
        } else if (action === 3 && task !== undefined) {
          tasks.splice(tasks.indexOf(task), 1);
          assert.ok(task.cancel());
          assert.equal(task.wakers, 0);
        } else if (action === 4 && choice % 4 === 0) {
          assert.equal(sender.send(7), state === 'open' && !isGone);
          if (state === 'open' && !isGone) state = 'sent';
        } else if (action === 5 && choice % 8 === 0) {
          sender.close();
          if (state === 'open') state = 'closed';
        } else if (action === 6 && choice % 8 === 0) {
          receiver.close();
          isGone = true;
          if (state === 'open') state = 'closed';
        }
        assert.equal(receiver.hasMessage, state === 'sent');
        assert.equal(sender.isClosed, isGone || state !== 'open');
        for (const one of tasks)
          assert.equal(one.wakers, one.isWoken || one.wakes > 0 ? 0 : one.wakers);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });
});
