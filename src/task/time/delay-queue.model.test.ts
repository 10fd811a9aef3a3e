/** Random programs on a delay queue and on a list, with somebody who waits all the time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PENDING } from '../future/index.ts';
import { END } from '../stream/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { Delayed, DelayQueue } from './index.ts';
import { Clock } from './time.test.helper.ts';

interface Listed {
  readonly item: Delayed<number>;
  deadline: number;
  order: number;
}

class Model {
  readonly #clock = new Clock();
  readonly #queue = this.#clock.host.enter(() => new DelayQueue<number>());
  readonly #task = new TestTask(this.#queue.next());
  #listed: Listed[] = [];
  #gone: Delayed<number>[] = [];
  #count = 0;
  /** The last poll was pending: from then on what becomes due has to wake. */
  #waits = false;

  insert(delta: number): void {
    const deadline = Math.max(0, this.#clock.now + delta);
    const item = this.#queue.insertAt(this.#count, deadline);
    this.#listed.push({ item, deadline, order: this.#count++ });
  }

  reset(which: number, delta: number): void {
    const entry = this.#listed[which % Math.max(1, this.#listed.length)];
    if (entry === undefined) return;
    entry.deadline = Math.max(0, this.#clock.now + delta);
    entry.order = this.#count++;
    this.#queue.resetAt(entry.item, entry.deadline);
  }

  remove(which: number): void {
    const [entry] = this.#listed.splice(which % Math.max(1, this.#listed.length), 1);
    if (entry === undefined) return;
    assert.equal(this.#queue.remove(entry.item), entry.item.value);
    this.#gone.push(entry.item);
    if (this.#waits && this.#listed.length === 0) assert.ok(this.#task.isWoken, 'the end');
  }

  compact(): void {
    this.#queue.compact();
    assert.equal(this.#queue.capacity, this.#listed.length);
  }

  advance(delta: number): void {
    this.#clock.advance(delta);
    const due = this.#listed.some(({ deadline }) => deadline <= this.#clock.now);
    // An item is due on a whole millisecond.
    if (this.#waits && due && Number.isInteger(this.#clock.now)) assert.ok(this.#task.isWoken);
  }

  /** Takes what is due. Items of one millisecond may be in another order when it had passed. */
  poll(): void {
    const now = Math.floor(this.#clock.now);
    const due = this.#listed.filter(({ deadline }) => Math.ceil(deadline) <= now);
    const taken: number[] = [];
    let last: unknown;
    for (;;) {
      last = this.#task.poll();
      if (!(last instanceof Delayed)) break;
      taken.push((last as Delayed<number>).value);
    }
    this.#listed = this.#listed.filter((entry) => !due.includes(entry));
    this.#gone.push(...due.map(({ item }) => item));
    const ascending = (a: number, b: number): number => a - b;
    assert.deepEqual(
      taken.toSorted(ascending),
      due.map(({ item }) => item.value).toSorted(ascending),
    );
    assert.equal(last, this.#listed.length === 0 ? END : PENDING);
    this.#waits = last === PENDING;
  }

  check(): void {
    assert.equal(this.#queue.length, this.#listed.length);
    assert.equal(this.#queue.peek() === undefined, this.#listed.length === 0);
    for (const item of this.#gone) assert.equal(this.#queue.has(item), false);
    for (const { item } of this.#listed) assert.ok(this.#queue.has(item));
  }
}

const delta = fc.oneof(
  fc.integer({ min: -50, max: 130 }),
  fc.constantFrom(255, 256, 257, 65_535, 65_536, 2 ** 24, 2 ** 40, 2 ** 41, 0.5, 255.5),
);
const which = fc.nat({ max: 100 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('insert' as const), delta }),
  fc.record({ kind: fc.constant('insert' as const), delta }),
  fc.record({ kind: fc.constant('reset' as const), which, delta }),
  fc.record({ kind: fc.constant('remove' as const), which }),
  fc.record({ kind: fc.constant('compact' as const) }),
  fc.record({ kind: fc.constant('poll' as const) }),
  fc.record({ kind: fc.constant('advance' as const), delta }),
);

test('DelayQueue: agrees with a list, and wakes whenever it must', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const model = new Model();
      for (const one of steps) {
        if (one.kind === 'insert') model.insert(one.delta);
        else if (one.kind === 'reset') model.reset(one.which, one.delta);
        else if (one.kind === 'remove') model.remove(one.which);
        else if (one.kind === 'advance') model.advance(Math.max(0, one.delta));
        else model[one.kind]();
        model.check();
      }
    }),
    { numRuns: 1500 },
  );
});
