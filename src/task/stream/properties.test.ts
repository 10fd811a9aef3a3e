/** Streams against arrays: whatever is pending when, the items are those of the array's methods. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BaseFuture, PENDING, type BaseFuture as Future } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { END, type BaseStream } from './index.ts';
import { collect, follow, Manual, Script, stopTime, type Step } from './stream.test.helper.ts';

stopTime();

const pending = fc.constant(PENDING);
const items = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 30 });
const small = fc.nat({ max: 8 });

/** The items with pending polls between them. */
const script = items.chain((list) =>
  fc
    .array(fc.array(pending, { maxLength: 2 }), {
      minLength: list.length + 1,
      maxLength: list.length + 1,
    })
    .map((gaps) => ({
      list,
      steps: list
        .flatMap((item, index): Step<number>[] => [...gaps[index]!, item])
        .concat(gaps.at(-1)!),
    })),
);

interface Operation {
  readonly name: string;
  readonly stream: (source: BaseStream<number>) => BaseStream<number>;
  readonly array: (list: number[]) => number[];
}

const isEven = (item: number): boolean => item % 2 === 0;
const chunked = (list: number[], size: number): number[][] =>
  list.length === 0 ? [] : [list.slice(0, size), ...chunked(list.slice(size), size)];

/** A future that is pending some times before it gives its value. */
class Slow extends BaseFuture<number, never> {
  #left: number;
  readonly #value: number;
  constructor(value: number, polls: number) {
    super();
    this.#value = value;
    this.#left = polls;
  }
  poll: BaseFuture<number, never>['poll'] = (context) => {
    if (this.#left === 0) return this.#value;
    this.#left -= 1;
    context.waker.wakeByRef();
    return PENDING;
  };
}

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.constantFrom<Operation>(
    {
      name: 'map',
      stream: (source) => source.map((item) => item + 1),
      array: (list) => list.map((item) => item + 1),
    },
    {
      name: 'filter',
      stream: (source) => source.filter(isEven),
      array: (list) => list.filter(isEven),
    },
    {
      name: 'filterMap',
      stream: (source) => source.filterMap((item) => (isEven(item) ? item + 1 : undefined)),
      array: (list) => list.filter(isEven).map((item) => item + 1),
    },
    {
      name: 'takeWhile',
      stream: (source) => source.takeWhile((item) => item < 8),
      array: (list) =>
        list.slice(
          0,
          [...list, 8].findIndex((item) => item >= 8),
        ),
    },
    {
      name: 'skipWhile',
      stream: (source) => source.skipWhile((item) => item < 5),
      array: (list) => list.slice([...list, 5].findIndex((item) => item >= 5)),
    },
    {
      name: 'dedupe',
      stream: (source) => source.dedupe(),
      array: (list) => list.filter((item, index) => index === 0 || item !== list[index - 1]),
    },
    {
      name: 'enumerate',
      stream: (source) => source.enumerate().map(([index, item]) => index + item),
      array: (list) => list.map((item, index) => item + index),
    },
    {
      name: 'zip',
      stream: (source) => source.zip([1, 2, 3, 4, 5]).map(([a, b]) => a * b),
      array: (list) => list.slice(0, 5).map((item, index) => item * (index + 1)),
    },
  ),
  small.map((n) => ({
    name: `take ${n}`,
    stream: (source: BaseStream<number>) => source.take(n),
    array: (list: number[]) => list.slice(0, n),
  })),
  small.map((n) => ({
    name: `skip ${n}`,
    stream: (source: BaseStream<number>) => source.skip(n),
    array: (list: number[]) => list.slice(n),
  })),
  small.map((n) => ({
    name: `chunks ${n + 1}`,
    stream: (source: BaseStream<number>) => source.chunks(n + 1).map((chunk) => chunk.length),
    array: (list: number[]) => chunked(list, n + 1).map((chunk) => chunk.length),
  })),
  small.map((n) => ({
    name: `chain ${n}`,
    stream: (source: BaseStream<number>) => source.chain([n], [], [n]),
    array: (list: number[]) => [...list, n, n],
  })),
  small.map((n) => ({
    name: `flatMap ${n}`,
    stream: (source: BaseStream<number>) => source.flatMap((item) => [item, n].slice(item % 3)),
    array: (list: number[]) => list.flatMap((item) => [item, n].slice(item % 3)),
  })),
  fc.tuple(small, small).map(([n, polls]) => ({
    name: `buffered ${n + 1}`,
    stream: (source: BaseStream<number>) =>
      source.map((item) => new Slow(item, (item * 7 + polls) % 4)).buffered(n + 1),
    array: (list: number[]) => list,
  })),
);

/** Polls to the end with a budget of some operations for each poll. */
function runWithBudget<T>(future: Future<T>, budget: number): T {
  const task = new TestTask(future);
  for (;;) {
    task.budget = budget;
    const value = task.poll();
    if (value !== PENDING) return value;
    assert.ok(task.isWoken, 'pending, and nobody will wake it');
  }
}

test('chains of combinators give what the array methods give', () => {
  fc.assert(
    fc.property(
      script,
      fc.array(operation, { maxLength: 5 }),
      fc.integer({ min: 1, max: 20 }),
      ({ list, steps }, operations, budget) => {
        const source = new Script(steps);
        let stream: BaseStream<number> = source;
        let expected = list;
        for (const { stream: apply, array } of operations) {
          stream = apply(stream);
          expected = array(expected);
        }
        assert.deepEqual(runWithBudget(stream.collect(), budget), expected);
        assert.ok(source.isOver, 'the source was neither used up nor given up');
      },
    ),
    { numRuns: 500 },
  );
});

test('chains that are given up at any moment hold nothing afterwards', () => {
  fc.assert(
    fc.property(
      script,
      fc.array(operation, { minLength: 1, maxLength: 5 }),
      fc.nat({ max: 30 }),
      fc.nat({ max: 3 }),
      ({ steps }, operations, polls, cancelPolls) => {
        const source = new Script(steps, cancelPolls);
        const stream = operations.reduce<BaseStream<number>>(
          (before, { stream: apply }) => apply(before),
          source,
        );
        const task = follow(stream);
        for (let poll = 0; poll < polls && task.poll() !== END; poll++);
        while (!task.cancel()) assert.ok(task.isWoken);
        assert.ok(source.isOver);
        assert.equal(task.wakers, 0);
        assert.equal(task.poll(), END);
      },
    ),
    { numRuns: 500 },
  );
});

test('bufferedUnordered gives every value once, whoever is woken when, and keeps its limit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 8 }),
      (choices, limit) => {
        const children = choices.map(() => new Manual<number>());
        const task = follow(new Script(children).bufferedUnordered(limit));
        const given = new Set<number>();
        const open = new Set<number>();
        for (const choice of choices) {
          drain(task, given);
          for (const [index, child] of children.entries()) {
            if (child.polls > 0 && !given.has(index)) open.add(index);
          }
          assert.ok(open.size <= limit);
          const chosen = [...open][choice % open.size]!;
          open.delete(chosen);
          children[chosen]!.resolve(chosen);
          assert.ok(task.isWoken);
        }
        drain(task, given);
        assert.equal(given.size, children.length);
        assert.ok(children.every((child) => child.polls <= 2));
      },
    ),
  );
});

/** Takes what is there until the stream is pending or over. */
function drain(task: TestTask<number | typeof END>, given: Set<number>): void {
  for (let item; (item = task.poll()) !== PENDING && item !== END;) {
    assert.ok(!given.has(item));
    given.add(item);
  }
}

test('merge keeps the order of each stream and loses nothing', () => {
  fc.assert(
    fc.property(fc.array(script, { minLength: 1, maxLength: 5 }), (scripts) => {
      const [first, ...others] = scripts.map(({ steps }, from) =>
        new Script(steps).map((item) => ({ from, item })),
      );
      const merged = collect(first!.merge(...others));
      for (const [index, { list }] of scripts.entries()) {
        const mine = merged.filter(({ from }) => from === index).map(({ item }) => item);
        assert.deepEqual(mine, list);
      }
    }),
  );
});

test('tee gives all to both, and the one ahead is no more than the capacity ahead', () => {
  fc.assert(
    fc.property(
      script,
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.nat({ max: 1 }), { maxLength: 80 }),
      ({ list, steps }, capacity, turns) => {
        const source = new Script(steps);
        const tasks = source.tee(capacity).map(follow);
        const seen: number[][] = [[], []];
        const isOver = [false, false];
        const step = (turn: number): void => {
          const item = tasks[turn]!.poll();
          if (item === END) isOver[turn] = true;
          else if (item !== PENDING) seen[turn]!.push(item);
          assert.ok(Math.abs(seen[0]!.length - seen[1]!.length) <= capacity);
        };
        turns.forEach(step);
        while (isOver.includes(false)) [0, 1].forEach(step);
        assert.deepEqual(seen, [list, list]);
      },
    ),
  );
});
