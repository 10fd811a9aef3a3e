/** Programs of several sizes of the suite of GenMC, written anew for our interface. */
import type { Cell, TestBody, TestContext } from '../../../../src/checker/check/index.ts';
import { type Counted, once, series } from './counted.ts';

type Thread = (number: number, x: Cell<number>) => void;

/** `size` threads on one cell, numbered from `first`. */
function threads(
  context: TestContext,
  x: Cell<number>,
  size: number,
  body: Thread,
  first: number,
): void {
  for (let number = first; number < first + size; number++) {
    context.thread(`thread ${number}`, () => body(number, x));
  }
}

/** As many threads as the size says, all on one cell that is 0. */
function crowd(body: Thread, first: number = 0): (size: number) => TestBody {
  return (size) => (context) => threads(context, context.cell(0, 'x'), size, body, first);
}

/** As `crowd`, with one thread before them. */
function crowdAfter(leader: (x: Cell<number>) => void, body: Thread): (size: number) => TestBody {
  return (size) => (context) => {
    const x = context.cell(0, 'x');
    context.thread('leader', () => leader(x));
    threads(context, x, size, body, 1);
  };
}

const counters: readonly Counted[] = [
  series(
    'inc',
    crowd((number, x) => x.store(x.load('relaxed') + (1 << number), 'release')),
    { 2: 4, 3: 36, 4: 576 },
  ),
  series(
    'rw',
    crowd((number, x) => {
      x.load('relaxed');
      x.store(number + 1, 'release');
    }),
    { 2: 4, 3: 36, 4: 576 },
  ),
  series(
    'wrw',
    crowdAfter(
      (x) => x.store(1, 'release'),
      (number, x) => {
        x.load('relaxed');
        x.store(number + 1, 'release');
      },
    ),
    { 2: 22, 3: 300 },
  ),
  series(
    'wainc',
    crowdAfter(
      (x) => x.store(42, 'release'),
      (_number, x) => x.update((value) => value + 1, 'relaxed'),
    ),
    { 2: 6, 3: 24, 4: 120 },
  ),
  series(
    'cas',
    crowd((number, x) => x.compareExchange(0, number, 'relaxed'), 1),
    { 2: 2, 3: 3, 4: 4, 5: 5 },
  ),
  series(
    'casw',
    crowd((number, x) => {
      x.compareExchange(0, 1, 'relaxed');
      x.store(number + 3, 'release');
    }, 1),
    { 2: 6, 3: 66, 4: 1200 },
  ),
  series(
    'casrot',
    crowd((number, x) => x.compareExchange(number - 1, number, 'relaxed'), 1),
    { 2: 2, 3: 5, 4: 14, 5: 43, 6: 144, 7: 523, 8: 2048 },
  ),
  series(
    'wcas',
    crowdAfter(
      (x) => x.store(2, 'release'),
      (_number, x) => x.compareExchange(2, 3, 'relaxed'),
    ),
    { 2: 5, 3: 13, 4: 33, 5: 81, 6: 193, 7: 449, 8: 1025 },
  ),
  series(
    'readers',
    crowdAfter(
      (x) => x.store(42, 'release'),
      (_number, x) => x.load('acquire'),
    ),
    { 2: 4, 8: 256 },
  ),
];

function lastZero(size: number): TestBody {
  return ({ cell, thread }) => {
    const array = Array.from({ length: size + 1 }, (_, index) => cell(0, `array[${index}]`));
    thread('reader', () => {
      let index = size;
      while (array[index]!.load('acquire') !== 0) index -= 1;
    });
    for (let index = 1; index <= size; index++) {
      thread(`writer ${index}`, () => {
        array[index]!.store(array[index - 1]!.load('acquire') + 1, 'release');
      });
    }
  };
}

function coherentAcross(size: number): TestBody {
  return ({ cell, thread }) => {
    const [x, y, z] = [cell(0, 'x'), cell(0, 'y'), cell(0, 'z')];
    for (const [value, between] of [y, z].entries()) {
      thread(`reader ${value + 1}`, () => {
        x.store(value + 1, 'release');
        between.load('acquire');
        x.load('acquire');
      });
    }
    for (let number = 1; number <= size; number++) {
      thread(`writer ${number}`, () => {
        y.store(number, 'release');
        z.store(number, 'release');
      });
    }
  };
}

const peterson: TestBody = ({ cell, thread, assume }) => {
  const flags = [cell(0, 'flag1'), cell(0, 'flag2')] as const;
  const turn = cell(0, 'turn');
  const x = cell(0, 'x');
  for (const [number, own] of flags.entries()) {
    thread(`thread ${number + 1}`, () => {
      own.store(1);
      turn.store(1 - number);
      assume(flags[1 - number]!.load() !== 1 || turn.load() !== 1 - number);
      x.store(number);
      x.load();
      own.store(0);
    });
  }
};

/** Fences between what a thread announces and what it looks at. */
const dekker: TestBody = ({ cell, thread, fence }) => {
  const [x, y, inside] = [cell(0, 'x'), cell(0, 'y'), cell(0, 'inside')];
  for (const [number, [own, other]] of (
    [
      [y, x],
      [x, y],
    ] as const
  ).entries()) {
    thread(`thread ${number + 1}`, () => {
      own.store(1, 'relaxed');
      fence('seq_cst');
      if (other.load('relaxed') !== 0) return;
      inside.store(number, 'relaxed');
      if (inside.load('relaxed') !== number) throw new Error('two are inside');
    });
  }
};

/** Lamport's fast mutual exclusion, for two. */
const lamport: TestBody = ({ cell, thread, assume }) => {
  const wants = [cell(0, 'b0'), cell(0, 'b1'), cell(0, 'b2')] as const;
  const [x, y] = [cell(0, 'x'), cell(0, 'y')];
  const lock = (own: number): void => {
    for (;;) {
      wants[own]!.store(1);
      x.store(own);
      if (y.load() !== 0) {
        wants[own]!.store(0);
        assume(y.load() === 0);
        continue;
      }
      y.store(own);
      if (x.load() !== own) {
        wants[own]!.store(0);
        for (const other of [1, 2]) assume(wants[other]!.load() === 0);
        if (y.load() !== own) {
          assume(y.load() === 0);
          continue;
        }
      }
      return;
    }
  };
  for (const own of [1, 2]) {
    thread(`thread ${own}`, () => {
      lock(own);
      y.store(0);
      wants[own]!.store(0);
    });
  }
};

function parallelLength(size: number): TestBody {
  return ({ cell, thread }) => {
    const v = cell(0, 'v');
    for (const number of [0, 1]) {
      const own = cell(0, `local ${number}`);
      thread(`thread ${number}`, () => {
        for (let value = 0; value < size; value++) {
          own.store(value);
          own.load();
        }
        v.store(number);
        v.load();
      });
    }
  };
}

/** Each commits as often as the first value says, and only what nobody has overwritten counts. */
const commits: TestBody = ({ cell, thread }) => {
  const wanted = cell(2, 'n');
  const x = cell(0, 'x');
  for (const own of [0, 1]) {
    thread(`thread ${own}`, () => {
      // GenMC unrolls this loop five times.
      for (let round = 0, done = 0; round < 6; round++) {
        if (done >= wanted.load('acquire')) return;
        x.store(own, 'release');
        if (x.load('acquire') === own) done += 1;
      }
    });
  }
};

const others: readonly Counted[] = [
  series('lastzero', lastZero, { 5: 64 }),
  {
    name: 'CoA',
    sizes: [
      { index: 0, sc: 4, rc11: 4, body: coherentAcross(0) },
      { index: 1, sc: 15, rc11: 16, body: coherentAcross(1) },
      { index: 2, sc: 130, rc11: 144, body: coherentAcross(2) },
      { index: 3, sc: 2028, rc11: 2304, body: coherentAcross(3) },
    ],
  },
  once('peterson-sc', 4, 4, peterson),
  once('dekker_f', 3, 3, dekker),
  once('lamport', 16, 16, lamport),
  series('par_length', parallelLength, { 4: 4, 5: 4, 6: 4 }),
  once('commits', 1734, 1734, commits),
];

/** See the head of this file. */
export const synthetic: readonly Counted[] = [...counters, ...others];
