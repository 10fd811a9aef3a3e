/** Locks and barriers of the suite of GenMC, written anew for our interface. */
import type { Cell, TestBody, TestContext } from '../../../../src/checker/check/index.ts';
import { type Counted, once, series } from './counted.ts';

/** A lock as GenMC has it for `pthread_mutex_t`: who does not get it waits. */
export interface Lock {
  lock(): void;
  unlock(): void;
}

/** Makes such a lock. */
export function mutex({ cell }: TestContext, name: string = 'lock'): Lock {
  const state = cell(0, name);
  return {
    lock(): void {
      while (state.compareExchange(0, 1, 'acquire') !== 0);
    },
    unlock: () => state.store(0, 'release'),
  };
}

/** Threads that each do something inside of a lock, once. */
function inside(make: (context: TestContext) => Lock, size: number): TestBody {
  return (context) => {
    const lock = make(context);
    const shared = context.cell(0, 'shared');
    for (let number = 0; number < size; number++) {
      context.thread(`thread ${number}`, () => {
        lock.lock();
        shared.plainStore(number);
        if (shared.plainLoad() !== number) throw new Error('two are inside');
        lock.unlock();
      });
    }
  };
}

function spinLock({ cell }: TestContext): Lock {
  const state = cell(0, 'lock');
  return {
    lock(): void {
      do {
        while (state.load('relaxed') !== 0);
      } while (state.compareExchange(0, 1, 'acquire') !== 0);
    },
    unlock: () => state.store(0, 'release'),
  };
}

function testAndTestAndSet({ cell }: TestContext): Lock {
  const state = cell(0, 'state');
  return {
    lock(): void {
      do {
        while (state.load('relaxed') !== 0);
      } while (state.exchange(1, 'acquire') !== 0);
    },
    unlock: () => state.store(0, 'release'),
  };
}

/** A ticket lock whose late comers wait in an array (TWA). */
function ticketsInAnArray({ cell }: TestContext): Lock {
  const ticket = cell(0, 'ticket');
  const grant = cell(0, 'grant');
  const array = Array.from({ length: 8 }, (_, index) => cell(0, `array[${index}]`));
  const waitInArray = (own: number): void => {
    const place = array[own]!;
    let seen = place.load('acquire');
    while (own - grant.load('relaxed') > 1) {
      let now = seen;
      while (now === seen) now = place.load('acquire');
      seen = now;
    }
  };
  return {
    lock(): void {
      const own = ticket.update((value) => value + 1, 'relaxed');
      const distance = own - grant.load('acquire');
      if (distance === 0) return;
      if (distance > 1) waitInArray(own);
      while (grant.load('acquire') !== own);
    },
    unlock(): void {
      const next = grant.load('relaxed') + 1;
      grant.store(next, 'release');
      array[next + 1]!.update((value) => value + 1, 'release');
    },
  };
}

/** A mutex on a futex that is a word which every wake changes. */
function futexMutex({ cell }: TestContext): Lock {
  const state = cell(0, 'mutex');
  const signal = cell(0, 'signal');
  const sleep = (): void => {
    const before = signal.load('acquire');
    if (state.load('acquire') !== 2) return;
    while (signal.load('acquire') === before);
  };
  return {
    lock(): void {
      if (state.compareExchange(0, 1, 'acquire') === 0) return;
      do {
        state.compareExchange(1, 2, 'relaxed');
        sleep();
      } while (state.compareExchange(0, 2, 'acquire') !== 0);
    },
    unlock(): void {
      if (state.compareExchange(1, 0, 'release') === 1) return;
      state.store(0, 'release');
      signal.update((value) => value + 1, 'release');
    },
  };
}

/** A queue of waiting threads, each with a word of its own (Mellor-Crummey and Scott). */
const queueLock: TestBody = ({ cell, thread }) => {
  const tail = cell(-1, 'tail');
  const next = [cell(-1, 'next 0'), cell(-1, 'next 1')] as const;
  const isFree = [cell(0, 'free 0'), cell(0, 'free 1')] as const;
  const shared = cell(0, 'shared');
  for (const own of [0, 1] as const) {
    thread(`thread ${own}`, () => {
      isFree[own].store(0, 'relaxed');
      next[own].store(-1, 'relaxed');
      const previous = tail.exchange(own, 'acq_rel');
      if (previous >= 0) {
        next[previous]!.store(own, 'relaxed');
        while (isFree[own].load('acquire') === 0);
      }
      shared.plainStore(42);
      let successor = next[own].load('relaxed');
      if (successor < 0) {
        if (tail.compareExchange(own, -1, 'release') === own) return;
        while (successor < 0) successor = next[own].load('relaxed');
      }
      isFree[successor]!.store(1, 'release');
    });
  }
};

/** The last to come lets the others go on. */
function waitAll(count: number, waiting: Cell<number>, step: Cell<number>): void {
  const before = step.load();
  if (waiting.update((value) => value + 1) === count - 1) {
    waiting.store(0);
    step.update((value) => value + 1);
    return;
  }
  while (step.load() === before);
}

const barrier: TestBody = ({ cell, thread }) => {
  const [waiting, step, data] = [cell(0, 'waiting'), cell(0, 'step'), cell(0, 'data')];
  thread('writer', () => {
    data.plainStore(42);
    waitAll(2, waiting, step);
  });
  thread('reader', () => {
    waitAll(2, waiting, step);
    if (data.plainLoad() !== 42) throw new Error('not there yet');
  });
};

type Body = (lock: Lock, context: TestContext) => readonly (() => void)[];

/** Threads with one lock between them. */
function locked(body: Body): TestBody {
  return (context) => {
    for (const [number, run] of body(mutex(context), context).entries()) {
      context.thread(`thread ${number}`, run);
    }
  };
}

function within(lock: Lock, body: () => void): () => void {
  return () => {
    lock.lock();
    body();
    lock.unlock();
  };
}

function twoCounters(size: number): TestBody {
  return locked((lock, { cell }) => {
    const [x, y] = [cell(0, 'x'), cell(0, 'y')];
    return Array.from({ length: size }, () =>
      within(lock, () => {
        x.store(x.load('relaxed') + 1, 'relaxed');
        y.store(y.load('relaxed') + 1, 'relaxed');
      }),
    );
  });
}

const small: readonly (readonly [
  name: string,
  sc: number | undefined,
  rc11: number,
  body: Body,
])[] = [
  [
    'lock-w+w+r',
    undefined,
    6,
    (lock, { cell }) => {
      const x = cell(0, 'x');
      const write = (value: number): (() => void) => within(lock, () => x.plainStore(value));
      return [write(42), write(17), within(lock, () => x.plainLoad())];
    },
  ],
  [
    'lock-wxwy+rxry',
    undefined,
    2,
    (lock, { cell }) => {
      const [x, y] = [cell(0, 'x'), cell(0, 'y')];
      return [
        within(lock, () => (x.plainStore(42), y.plainStore(42))),
        within(lock, () => (x.plainLoad(), y.plainLoad())),
      ];
    },
  ],
  [
    'cii-locks',
    undefined,
    6,
    (lock, { cell }) => {
      const x = cell(0, 'x');
      const add = (): void => x.store(x.load('relaxed') + 1, 'relaxed');
      const replace = (): void => {
        if (x.load('relaxed') === 1) x.store(2, 'relaxed');
      };
      return [within(lock, replace), within(lock, add), within(lock, add)];
    },
  ],
  [
    'lockrev-in-place',
    8,
    8,
    (lock, { cell }) => {
      const x = cell(0, 'x');
      return [
        () => x.store(42, 'relaxed'),
        within(lock, () => x.store(1, 'relaxed')),
        within(lock, () => (x.store(2, 'relaxed'), x.load('relaxed'))),
      ];
    },
  ],
];

/** See the head of this file. */
export const locks: readonly Counted[] = [
  once('spinlock', 4, 4, inside(spinLock, 2)),
  once('ttaslock', 4, 4, inside(testAndTestAndSet, 2)),
  once('twalock', 4, 4, inside(ticketsInAnArray, 2)),
  once('mutex', 12, 12, inside(futexMutex, 2)),
  // Under RC11 the word that a thread waits for may be cleared after it was set: a livelock.
  once('mcs_spinlock', 6, undefined, queueLock),
  once('barrier', 2, 2, barrier),
  series('lock2inc', twoCounters, { 2: 2, 3: 6, 4: 24, 5: 120 }),
  ...small.map(([name, sc, rc11, body]) => once(name, sc, rc11, locked(body))),
];
