/**
 * What peers in Rust and C do where TypeScript leans on the total order of its Atomics, in the
 * orders that they use (`peers/rust/src/ring/space.rs`, `peers/c/rondo_ring.h`): they share memory
 * with each other and with this side, so each plays either part.
 */
import type { Cell, TestContext } from '../../../src/checker/check/index.ts';
import { assure } from './ground.ts';
import type { Structure, Verdict } from './structure.ts';

/**
 * How one language tells something and looks at the bell, and how it says that it sleeps and looks.
 */
interface Speaker {
  tell(news: Cell<number>): void;
  look(bell: Cell<number>): number;
  raise(bell: Cell<number>): number;
  hasNews(news: Cell<number>): boolean;
}

/** `Atomics`, and what C has: all of it sequentially consistent. */
const total: Speaker = {
  tell: (news) => news.store(1),
  look: (bell) => bell.load(),
  raise: (bell) => bell.update((rung) => rung | 1) | 1,
  hasNews: (news) => news.load() === 1,
};

/** Rust: a fence instead, so that loads of positions need to acquire only. */
function rust(context: TestContext): Speaker {
  return {
    ...total,
    raise: (bell) => {
      const raised = bell.update((rung) => rung | 1) | 1;
      context.fence('seq_cst');
      return raised;
    },
    hasNews: (news) => news.load('acquire') === 1,
  };
}

/** What the names of `#atomics` say, which is not enough. */
const named: Speaker = {
  tell: (news) => news.store(1, 'release'),
  look: (bell) => bell.load('acquire'),
  raise: (bell) => bell.update((rung) => rung | 1) | 1,
  hasNews: (news) => news.load('acquire') === 1,
};

/** One tells and rings if need be, another sleeps unless there is news. */
function ringing(speakers: (context: TestContext) => readonly [Speaker, Speaker]) {
  return (context: TestContext): void => {
    const news = context.cell(0, 'news');
    const bell = context.cell(0, 'bell');
    const [ringer, sleeper] = speakers(context);
    const seen = context.thread('ringer', () => {
      ringer.tell(news);
      return (ringer.look(bell) & 1) === 1;
    });
    const found = context.thread('sleeper', () => {
      sleeper.raise(bell);
      return sleeper.hasNews(news);
    });
    context.after(() => assure(seen.result || found.result, 'one of them sees the other'));
  };
}

/** Rust's and C's copier of a lossy ring: words relaxed, a fence, the intent again. */
function overwriting(writerFence: 'seq_cst' | 'acquire') {
  return (context: TestContext): void => {
    const intent = context.cell(1, 'intent');
    const tail = context.cell(1, 'tail');
    const words = [context.cell(1, 'first'), context.cell(1, 'second')] as const;
    context.thread('producer', () => {
      intent.store(2, 'relaxed');
      context.fence(writerFence);
      for (const word of words) word.store(2, 'relaxed');
      tail.store(2);
    });
    context.thread('consumer', () => {
      const position = tail.load('acquire');
      const [first, second] = words.map((word) => word.load('relaxed'));
      context.fence('acquire');
      if (intent.load('relaxed') - position > 0) return;
      assure(first === position && second === position, 'what counts was not being overwritten');
    });
  };
}

const WEAK: Verdict = {
  fails: 'error',
  because: 'a release store and an acquire load of another word are not ordered',
};

const MODELS = ['rc11', 'x86-tso', 'armv8', 'riscv'] as const;

/** Everything about peers. */
export const peers: readonly Structure[] = [
  {
    name: 'a bell between languages: one of ringer and sleeper sees the other',
    covers: [],
    models: MODELS,
    body: (context) => {
      const both = [total, rust(context)] as const;
      const ringer = both[context.choose(2)]!;
      const sleeper = both[context.choose(2)]!;
      ringing(() => [ringer, sleeper])(context);
    },
  },
  {
    name: 'a bell with release and acquire alone',
    covers: [],
    models: ['rc11', 'x86-tso', 'riscv'],
    verdict: WEAK,
    body: ringing(() => [named, named]),
  },
  {
    name: 'a lossy lane between languages: what counts was not being overwritten',
    covers: [],
    models: MODELS,
    body: overwriting('seq_cst'),
  },
  {
    name: 'a lossy lane whose producer has no fence that releases',
    covers: [],
    models: ['rc11'],
    verdict: {
      fails: 'error',
      because: 'words may be seen before the intent to overwrite them is',
    },
    body: overwriting('acquire'),
  },
];
