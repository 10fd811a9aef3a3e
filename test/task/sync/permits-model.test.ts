/** Semaphore, Mutex and RwLock against one naive model: a number and a list of who waits. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Future } from '../../../src/task/future/index.ts';
import { Mutex, RwLock, Semaphore } from '../../../src/task/sync/index.ts';
import { checkWakes, outcome, pick, programs, Waiting, type Step } from './model.test.helper.ts';

interface Held {
  release(): void;
}

/** What is common to the three. */
interface Subject {
  readonly total: number;
  /** How many permits the choice stands for. */
  amount(choice: number): number;
  acquire(amount: number): Future<Held>;
  tryAcquire(amount: number): Held | undefined;
  readonly waiters: number;
  readonly available: number | undefined;
  close?(): void;
  addPermits?(count: number): void;
  forget?(count: number): number;
}

class Model {
  readonly subject: Subject;
  available: number;
  total: number;
  isClosed = false;
  queue: Waiting<Held, number>[] = [];
  readonly all: Waiting<Held, number>[] = [];
  readonly held: { readonly permit: Held; readonly amount: number }[] = [];

  constructor(subject: Subject) {
    this.subject = subject;
    this.available = this.total = subject.total;
  }

  grant(): void {
    while (this.queue.length > 0 && this.queue[0]!.known <= this.available) {
      const first = this.queue.shift()!;
      this.available -= first.known;
      first.state = 'chosen';
    }
  }

  give(amount: number): void {
    this.available += amount;
    this.grant();
  }

  has(amount: number): boolean {
    return amount <= this.available && this.queue.length === 0 && !this.isClosed;
  }

  poll(one: Waiting<Held, number>, budget: number): void {
    const isReady = one.state === 'new' && this.has(one.known);
    const isRefused = one.state === 'refused' || (one.state === 'new' && this.isClosed);
    one.task.budget = budget;
    const result = outcome(one.task);
    if (budget === 0 && (isReady || isRefused || one.state === 'chosen')) {
      assert.equal(result, 'pending');
    } else if (isReady || one.state === 'chosen') {
      assert.ok(typeof result === 'object' && 'value' in result, 'it has its permits');
      if (isReady) this.available -= one.known;
      one.state = 'over';
      this.held.push({ permit: result.value as Held, amount: one.known });
    } else if (isRefused) {
      assert.deepEqual(result, { code: 'ERR_SYNC_CLOSED' });
      one.state = 'over';
    } else {
      assert.equal(result, 'pending');
      if (one.state === 'new') this.queue.push(one);
      one.state = 'waiting';
    }
  }

  cancel(one: Waiting<Held, number>): void {
    const { state } = one;
    one.state = 'over';
    if (state === 'chosen') this.give(one.known);
    if (state === 'waiting') {
      this.queue = this.queue.filter((other) => other !== one);
      this.grant();
    }
    assert.ok(one.task.cancel());
  }

  release(index: number): void {
    const [one] = this.held.splice(index, 1);
    if (one === undefined) return;
    one.permit.release();
    this.give(one.amount);
  }

  step([action, choice]: Step): void {
    const { subject } = this;
    const open = pick(choice, this.all, ({ isOpen }) => isOpen);
    const amount = subject.amount(choice);
    if (action === 0) this.all.push(new Waiting(subject.acquire(amount), amount));
    if (action === 1 && open !== undefined) this.poll(open, Number.POSITIVE_INFINITY);
    if (action === 2 && open !== undefined) this.poll(open, choice % 2);
    if (action === 3 && open !== undefined) this.cancel(open);
    if (action === 4) this.release(choice % (this.held.length || 1));
    if (action === 5) {
      const permit = subject.tryAcquire(amount);
      assert.equal(permit !== undefined, this.has(amount));
      if (permit !== undefined) {
        this.available -= amount;
        this.held.push({ permit, amount });
      }
    }
    if (action === 6) this.change(choice);
  }

  /** What only semaphores can. */
  change(choice: number): void {
    const { subject } = this;
    const count = choice % 4;
    if (choice % 10 === 0 && subject.close !== undefined) {
      subject.close();
      this.isClosed = true;
      for (const one of this.queue.splice(0)) one.state = 'refused';
    } else if (choice % 2 === 0 && subject.addPermits !== undefined) {
      subject.addPermits(count);
      this.total += count;
      this.give(count);
    } else if (subject.forget !== undefined) {
      const taken = Math.min(count, this.available);
      assert.equal(subject.forget(count), taken);
      this.available -= taken;
      this.total -= taken;
    }
  }

  check(): void {
    checkWakes(this.all);
    assert.equal(this.subject.waiters, this.queue.length);
    if (this.subject.available !== undefined) {
      assert.equal(this.subject.available, this.available);
    }
    const granted = this.all.filter(({ state }) => state === 'chosen');
    const out = [...this.held.map(({ amount }) => amount), ...granted.map(({ known }) => known)];
    assert.equal(
      out.reduce((sum, amount) => sum + amount, this.available),
      this.total,
      'permits are conserved',
    );
  }
}

function run(subject: Subject, steps: readonly Step[]): void {
  const model = new Model(subject);
  for (const step of steps) {
    model.step(step);
    model.check();
  }
  for (const one of model.all) if (one.isOpen) model.cancel(one);
  while (model.held.length > 0) model.release(0);
  model.check();
  assert.equal(model.available, model.total, 'everything came back');
}

describe('Against the model of permits', () => {
  test('Semaphore', () => {
    const property = fc.property(fc.nat({ max: 4 }), programs(7), (permits, steps) => {
      const semaphore = new Semaphore(permits);
      const subject: Subject = {
        total: permits,
        amount: (choice) => 1 + (choice % 3),
        acquire: (amount) => semaphore.acquire(amount),
        tryAcquire: (amount) => semaphore.tryAcquire(amount),
        get waiters() {
          return semaphore.waiters;
        },
        get available() {
          return semaphore.available;
        },
        close: () => semaphore.close(),
        addPermits: (count) => semaphore.addPermits(count),
        forget: (count) => semaphore.forget(count),
      };
      run(subject, steps);
    });
    fc.assert(property, { numRuns: 400 });
  });

  test('Mutex', () => {
    const property = fc.property(programs(6), (steps) => {
      const mutex = new Mutex(0);
      const subject: Subject = {
        total: 1,
        amount: () => 1,
        acquire: () => mutex.lock(),
        tryAcquire: () => mutex.tryLock(),
        get waiters() {
          return mutex.waiters;
        },
        get available() {
          return mutex.isLocked ? 0 : 1;
        },
      };
      run(subject, steps);
    });
    fc.assert(property, { numRuns: 200 });
  });

  test('RwLock', () => {
    const property = fc.property(fc.integer({ min: 1, max: 3 }), programs(6), (most, steps) => {
      const lock = new RwLock(0, { maxReaders: most });
      // With one reader at most, a reader and a writer want the same.
      const isWrite = (amount: number): boolean => amount === most;
      const subject: Subject = {
        total: most,
        amount: (choice) => (choice % 3 === 0 ? most : 1),
        acquire: (amount) => (isWrite(amount) ? lock.write() : lock.read()),
        tryAcquire: (amount) => (isWrite(amount) ? lock.tryWrite() : lock.tryRead()),
        get waiters() {
          assert.ok(!lock.isWriting || lock.readers === 0, 'nobody reads while somebody writes');
          return lock.waiters;
        },
        available: undefined,
      };
      run(subject, steps);
    });
    fc.assert(property, { numRuns: 300 });
  });
});
