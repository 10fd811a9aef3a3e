/** Loops that wait, and what is assumed: programs of the suite of GenMC, written anew. */
import type { Cell, TestBody, TestContext } from '../../../../src/checker/check/index.ts';
import { type Counted, type Difference, once, series } from './counted.ts';

type Body = (x: Cell<number>, y: Cell<number>, context: TestContext) => readonly (() => void)[];

function program(name: string, count: number, body: Body, differs?: Difference): Counted {
  const test: TestBody = (context) => {
    const threads = body(context.cell(0, 'x'), context.cell(0, 'y'), context);
    for (const [index, run] of threads.entries()) context.thread(`thread ${index + 1}`, run);
  };
  return once(name, count, count, test, differs);
}

/** Writes `first` to `last` into cells, one after the other. */
function count(cells: readonly Cell<number>[], first: number = 1, last: number = 42): () => void {
  return () => {
    for (let value = first; value <= last; value++) for (const cell of cells) cell.store(value);
  };
}

const assumptions: readonly Counted[] = [
  program('IRIW-iter', 1, (x, y, { assume }) => [
    count([x]),
    count([y]),
    () => {
      assume(x.load() === 42);
      assume(y.load() === 0);
    },
    () => {
      assume(y.load() === 0);
      assume(x.load() === 42);
    },
  ]),
  program('assume-2vars-cond', 1, (x, y, { assume }) => [
    count([x, y]),
    () => {
      const value = x.load();
      const rest = value === 0 ? value - 4242 : value - 42;
      assume(y.load() === 42 && rest === 0);
    },
  ]),
  program('assume-cas2', 1, (x, _y, { assume }) => [
    count([x], 0, 41),
    () => assume(x.compareExchange(41, 42) === 41),
  ]),
  program('assume-disj', 43, (x, y, { assume }) => [
    count([x, y]),
    () => assume(x.load() === 42 || y.load() === 42),
  ]),
  program('assume-mult-paths', 1, (x, _y, { assume }) => [
    count([x]),
    () => {
      const value = x.load();
      assume((value === 0 ? value - 4242 : value - 42) === 0);
    },
  ]),
  program('assume-not-postdom', 1, (x, _y, { assume }) => [
    () => {
      for (let value = 1; value <= 42; value++) x.store(value, 'relaxed');
    },
    () => assume(x.load('relaxed') === 42),
  ]),
];

const loops: readonly Counted[] = [
  program('spinloop', 1, (x) => [
    () => {
      while (x.load() === 0);
    },
    () => x.store(42),
  ]),
  program('dsa-live', 1, (lock, x) => [
    () => {
      lock.store(1);
      x.plainStore(1);
      lock.store(2);
    },
    () => {
      do {
        while (lock.load() !== 2);
      } while (lock.exchange(1) !== 2);
      if (x.plainLoad() !== 1) throw new Error('not there yet');
    },
  ]),
  program('spin-2cas-samebranch', 43, (x, y) => [
    count([x, y]),
    () => {
      while (x.compareExchange(42, 17) !== 42 && y.compareExchange(42, 17) !== 42);
    },
  ]),
  series(
    'spin-cas3',
    (size) =>
      ({ cell, thread }) => {
        const x = cell(0, 'x');
        for (let number = 0; number < size; number++) {
          thread(`thread ${number}`, () => {
            while (x.compareExchange(0, 1) !== 0);
            x.store(0);
          });
        }
      },
    { 3: 6, 4: 24, 5: 120 },
  ),
  program('spin-cas5', 3, (x) => [
    () => {
      let expected = x.load();
      for (;;) {
        const found = x.compareExchange(expected, 42);
        if (found === expected) return;
        expected = found;
      }
    },
    () => x.store(1),
  ]),
  program(
    'spin-cas7',
    4,
    (x) => [
      () => {
        let expected = x.load() + 1;
        for (;;) {
          const found = x.compareExchange(expected, 42);
          if (found === expected) return;
          expected = found;
        }
      },
      () => x.store(1),
    ],
    {
      sc: 3,
      rc11: 3,
      why: 'two rounds that lead back to where they began are left out',
    },
  ),
  program('spin-counter', 6, (x) => [
    () => {
      for (let time = 0; time < 4; time++) if (x.load('relaxed') === 42) break;
      x.load();
    },
    () => x.store(17),
  ]),
  program(
    'spin-load',
    1,
    (x) => [
      () => {
        let value = x.load();
        x.compareExchange(value, 42);
        while (value !== 17) value = x.load();
      },
      () => x.store(17),
    ],
    {
      sc: 3,
      rc11: 3,
      why: 'the read before the loop is none of the loop',
    },
  ),
  program('spin-no-bisim', 1, (x) => [
    () => {
      let slept = 0;
      while (x.load() === 0) slept += 1;
      // Returned, it would matter, and rounds would be shown: `rounds.test.ts`.
      return slept < 0;
    },
    () => x.store(42),
  ]),
  program('spin-plain+phi', 1, (x) => [
    () => {
      for (;;) {
        let sum = 0;
        const value = x.load('relaxed');
        if (value === 41) sum = value;
        sum += 1;
        if (sum === 42) return;
      }
    },
    count([x], 0, 41),
  ]),
];

const joined: TestBody = ({ cell, thread }) => {
  const x = cell(0, 'x');
  const reader = thread('reader', () => x.load());
  thread('main', () => {
    x.store(1);
    reader.join();
  });
};

/** See the head of this file. */
export const saver: readonly Counted[] = [
  ...assumptions,
  ...loops,
  once('join-retval', 2, 2, joined),
];
