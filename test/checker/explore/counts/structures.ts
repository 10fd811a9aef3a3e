/** Queues, stacks and a deque of the suite of GenMC, written anew for our interface. */
import type { Cell, TestBody, TestContext } from '../../../../src/checker/check/index.ts';
import { type Counted, once } from './counted.ts';

/** An index with a number that tells it from the same index at another time. */
type Tagged = string;

function tagged(index: number, count: number): Tagged {
  return `${index} ${count}`;
}

function parts(value: Tagged): { index: number; count: number } {
  const [index = 0, count = 0] = value.split(' ').map(Number);
  return { index, count };
}

/** Nodes of a list; each is of one thread until it is published. */
class Nodes {
  readonly values: Cell<number>[] = [];
  readonly next: Cell<Tagged>[] = [];

  constructor({ cell }: TestContext, count: number) {
    for (let index = 0; index < count; index++) {
      this.values.push(cell(0, `value ${index}`));
      this.next.push(cell(tagged(0, 0), `next ${index}`));
    }
  }
}

/** The stack of Treiber with counted pointers: two push, one pops. */
const treiber: TestBody = (context) => {
  const { cell, thread } = context;
  const nodes = new Nodes(context, 3);
  const top = cell(tagged(0, 0), 'top');
  const data = [cell(0, 'data 0'), cell(0, 'data 1')] as const;
  for (const own of [0, 1] as const) {
    thread(`pusher ${own}`, () => {
      data[own].store(own + 42, 'relaxed');
      nodes.values[own + 1]!.plainStore(own);
      for (;;) {
        const before = top.load('acquire');
        nodes.next[own + 1]!.store(before, 'relaxed');
        const after = tagged(own + 1, parts(before).count + 1);
        if (top.compareExchange(before, after, 'release') === before) return;
      }
    });
  }
  thread('popper', () => {
    for (;;) {
      const before = top.load('acquire');
      const { index, count } = parts(before);
      if (index === 0) return;
      const after = parts(nodes.next[index]!.load('relaxed'));
      const wanted = tagged(after.index, count + 1);
      if (top.compareExchange(before, wanted, 'release') !== before) continue;
      const value = nodes.values[index]!.plainLoad();
      // Index 0 is taken for none by the original.
      if (value !== 0) data[value as 0 | 1].load('relaxed');
      return;
    }
  });
};

/** The queue of Michael and Scott: each of two threads enqueues and then dequeues. */
const michaelScott: TestBody = (context) => {
  const { cell, thread, assume } = context;
  const nodes = new Nodes(context, 4);
  const head = cell(tagged(1, 0), 'head');
  const tail = cell(tagged(1, 0), 'tail');
  const swing = (from: Tagged, to: number): void => {
    tail.compareExchange(from, tagged(to, parts(from).count + 1), 'release');
  };
  const enqueue = (node: number, value: number): void => {
    nodes.values[node]!.plainStore(value);
    const { count } = parts(nodes.next[node]!.load('relaxed'));
    nodes.next[node]!.store(tagged(0, count), 'relaxed');
    for (;;) {
      const last = tail.load('acquire');
      const link = nodes.next[parts(last).index]!;
      const next = link.load('acquire');
      if (tail.load('relaxed') !== last) continue;
      if (parts(next).index === 0) {
        const linked = tagged(node, parts(next).count + 1);
        if (link.compareExchange(next, linked, 'release') === next) {
          swing(last, node);
          return;
        }
      }
      swing(last, parts(link.load('acquire')).index);
    }
  };
  const dequeue = (): number | undefined => {
    for (;;) {
      const first = head.load('acquire');
      const last = tail.load('acquire');
      const next = parts(nodes.next[parts(first).index]!.load('acquire')).index;
      if (head.load('relaxed') !== first) continue;
      if (parts(first).index === parts(last).index) {
        if (next === 0) return undefined;
        swing(last, next);
        continue;
      }
      const value = nodes.values[next]!.plainLoad();
      const after = tagged(next, parts(first).count + 1);
      const isTaken = head.compareExchange(first, after, 'release') === first;
      assume(isTaken);
      return value;
    }
  };
  for (const own of [0, 1]) {
    thread(`thread ${own}`, () => {
      enqueue(2 + own, own * 10);
      dequeue();
    });
  }
};

interface Link {
  readonly data: Cell<number>;
  readonly next: Cell<number>;
}

/** A queue that is set up by the first thread; two enqueue once, the third dequeues once. */
const unbounded: TestBody = ({ cell, thread }) => {
  const links: readonly Link[] = [0, 1, 2].map((index) => ({
    data: cell(0, `data ${index}`),
    next: cell(-1, `next ${index}`),
  }));
  const [head, tail] = [cell(-1, 'head'), cell(-1, 'tail')];
  const isReady = cell(false, 'ready');
  const findTail = (): number => {
    const node = tail.load('acquire');
    const next = links[node]!.next.load('relaxed');
    if (next < 0) return node;
    tail.store(next, 'release');
    return -1;
  };
  const enqueue = (node: number): void => {
    links[node]!.data.plainStore(1);
    links[node]!.next.store(-1, 'relaxed');
    let last = -1;
    while (last < 0) last = findTail();
    if (links[last]!.next.compareExchange(-1, node, 'release') === -1) tail.store(node, 'release');
  };
  thread('first', () => {
    links[0]!.next.store(-1, 'release');
    head.store(0, 'release');
    tail.store(0, 'release');
    isReady.store(true, 'release');
    enqueue(1);
  });
  thread('second', () => {
    if (isReady.load('acquire')) enqueue(2);
  });
  thread('third', () => {
    if (!isReady.load('acquire')) return;
    const first = head.load('acquire');
    const node = links[first]!.next.load('acquire');
    if (node < 0) return;
    if (head.compareExchange(first, node, 'relaxed') === first) links[node]!.data.plainLoad();
  });
};

/** The deque of Chase and Lev: the owner pushes 5, pops 3 and pushes 2; a thief tries once. */
const chaseLev: TestBody = ({ cell, thread, fence }) => {
  const [bottom, top] = [cell(0, 'bottom'), cell(0, 'top')];
  const buffer = Array.from({ length: 10 }, (_, index) => cell(0, `buffer ${index}`));
  const push = (value: number): void => {
    const end = bottom.load('relaxed');
    if (end - top.load('acquire') >= buffer.length) return;
    buffer[end % buffer.length]!.plainStore(value);
    bottom.store(end + 1, 'release');
  };
  const pop = (): void => {
    const end = bottom.load('relaxed');
    bottom.store(end - 1, 'relaxed');
    fence('seq_cst');
    const first = top.load('relaxed');
    if (end - first <= 0) {
      bottom.store(end, 'relaxed');
      return;
    }
    buffer[(end - 1) % buffer.length]!.plainLoad();
    if (end - first > 1) return;
    top.compareExchange(first, first + 1, 'acq_rel');
    bottom.store(end, 'relaxed');
  };
  thread('owner', () => {
    for (let value = 1; value <= 5; value++) push(value);
    for (let time = 0; time < 3; time++) pop();
    for (let value = 6; value <= 7; value++) push(value);
  });
  thread('thief', () => {
    const first = top.load('relaxed');
    fence('seq_cst');
    if (bottom.load('acquire') - first <= 0) return;
    buffer[first % buffer.length]!.plainLoad();
    top.compareExchange(first, first + 1, 'release');
  });
};

/** See the head of this file. */
export const structures: readonly Counted[] = [
  once('treiber-stack', 18, 18, treiber),
  once('ms-queue', 50, 50, michaelScott, {
    sc: 26,
    rc11: 26,
    why: 'rounds that have changed nothing wait, whatever else their loop might do',
  }),
  { ...once('qu', 39, 75, unbounded), options: { races: 'allow' } },
  {
    ...once('chase-lev', 59, 65, chaseLev, {
      rc11: 59,
      why: 'release sequences go on through stores of the same thread',
    }),
    options: { races: 'allow' },
  },
];
