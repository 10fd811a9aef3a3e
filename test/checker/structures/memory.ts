/** What threads share of the arena itself: slabs, and the directory of its pages. */
import { loadAcquire, storeRelease } from '#atomics';
import type { TestContext } from '../../../src/checker/check/index.ts';
import { Directory, NO_PAGES } from '../../../src/memory/directory.ts';
import {
  DIRECTORY_OFFSET,
  Entry,
  ENTRY_WORDS,
  FIRST_PAGE,
  Header,
  State,
} from '../../../src/memory/layout.ts';
import { Slab } from '../../../src/memory/slab.ts';
import { replacing } from './doors.ts';
import { assure, Ground } from './ground.ts';
import { JAVASCRIPT, QUICK, type Structure } from './structure.ts';

const SLAB_SOURCES = ['memory/slab.js'];
const DIRECTORY_SOURCES = ['memory/directory.js'];

/** Holders write their own mark into a slot, and nobody else does until they give it back. */
function holding(slots: number, threads: number, rounds: number) {
  return (context: TestContext): void => {
    const ground = new Ground(context, 128, 1 + threads);
    const slab = Slab.create(ground.arena(), { name: 'slots', slotSize: 8, slots });
    for (let thread = 1; thread <= threads; thread++) {
      const arena = ground.arena();
      context.thread(`holder ${thread}`, () => {
        const own = Slab.attach(arena, slab.region.offset);
        for (let round = 0; round < rounds; round++) {
          const slot = own.acquire();
          if (slot === 0) {
            assure(slots < threads, 'there is a slot for each');
            continue;
          }
          assure(own.slotOf(slot) === slot, 'a slot begins where it says');
          const before = ground.words[slot / 4]!;
          assure(before >= 0, 'nobody else holds it');
          ground.words[slot / 4] = -thread;
          ground.words[slot / 4] = before + 1;
          own.release(slot);
        }
      });
    }
    context.after(() => {
      assure(slab.held === 0, 'all is given back');
      for (let slot = 0; slot < slots; slot++) {
        const count = ground.words[slab.base / 4 + 2 * slot]!;
        assure(count >= 0 && count <= threads * rounds, 'holders have seen each other');
      }
    });
  };
}

/** Slots that are held at the same time are different ones, and no more than there are. */
function keeping(slots: number, threads: number, first: number) {
  return (context: TestContext): void => {
    const ground = new Ground(context, 128, 1 + threads);
    const slab = Slab.create(ground.arena(), { name: 'slots', slotSize: 8, slots });
    for (let taken = 0; taken < first; taken++) assure(slab.acquire() !== 0, 'there is a slot');
    const results = Array.from({ length: threads }, (_, thread) => {
      const arena = ground.arena();
      return context.thread(`holder ${thread}`, () =>
        Slab.attach(arena, slab.region.offset).acquire(),
      );
    });
    context.after(() => {
      const taken = results.map(({ result }) => result).filter((slot) => slot !== 0);
      assure(new Set(taken).size === taken.length, 'two holders have two slots');
      assure(
        taken.length === Math.min(threads, slots - first),
        'none is refused while one is free',
      );
      assure(slab.held === first + taken.length, 'all that is held is counted');
      for (const slot of taken) assure(slab.owns(slot), 'a slot is one of the slab');
    });
  };
}

/** One gives a slot back that another then has: it sees what was written. */
function handing(context: TestContext): void {
  const ground = new Ground(context, 128, 3);
  const slab = Slab.create(ground.arena(), { name: 'slots', slotSize: 8, slots: 1 });
  const slot = slab.acquire();
  const giver = Slab.attach(ground.arena(), slab.region.offset);
  const arena = ground.arena();
  context.thread('giver', () => {
    ground.words[slot / 4] = 7;
    giver.release(slot);
  });
  context.thread('taker', () => {
    const own = Slab.attach(arena, slab.region.offset);
    let found = 0;
    while (found === 0) found = own.acquire();
    assure(ground.words[slot / 4] === 7, 'what the last holder wrote is there');
  });
}

/** A slot is given back by another thread, which thinks that it is free until it looks. */
function entrusting(context: TestContext): void {
  const ground = new Ground(context, 128, 3);
  const slab = Slab.create(ground.arena(), { name: 'slots', slotSize: 8, slots: 2 });
  const [one, other] = [ground.arena(), ground.arena()];
  context.thread('taker', () => {
    const own = Slab.attach(one, slab.region.offset);
    storeRelease(ground.words, 0, own.acquire());
  });
  context.thread('giver', () => {
    const own = Slab.attach(other, slab.region.offset);
    const slot = loadAcquire(ground.words, 0);
    if (slot === 0) return;
    own.release(slot);
    storeRelease(ground.words, 1, 1);
  });
  context.after(() => {
    assure(slab.held === 1 - ground.words[1]!, 'what was given back is not held any more');
  });
}

/** Bytes up to the end of the directory. */
const DIRECTORY_BYTES = FIRST_PAGE * 4096;
/** Entries that these tests come to, and the word behind them. */
const ENTRIES = 8;
const ENTRIES_END = DIRECTORY_OFFSET / 4 + ENTRIES * ENTRY_WORDS;

/**
 * Runs `body` with loads of the other entries that give what is there, a free entry, past the
 * checker: a scan of them all takes longer than the rest of a run.
 */
function skipping<T>(body: () => T): T {
  const { Atomics: atomics } = globalThis;
  const load = (words: Int32Array, index: number): number =>
    index < ENTRIES_END ? atomics.load(words, index) : State.FREE;
  return replacing(globalThis, { Atomics: { ...atomics, load } }, body);
}

function directoryOf(context: TestContext, pages: number): { words: Int32Array } {
  const words = new Int32Array(context.shared(DIRECTORY_BYTES, 'arena'));
  words[Header.PAGES] = FIRST_PAGE + pages;
  Directory.format(words);
  return { words };
}

interface Held {
  readonly entry: number;
  readonly first: number;
  readonly pages: number;
}

/** Takes pages and makes a region of them. */
function take(words: Int32Array, pages: number): Held | undefined {
  return skipping(() => {
    const directory = new Directory(words);
    const entry = directory.take(pages, 1);
    if (entry === NO_PAGES) return undefined;
    assure(entry > 0 && entry < ENTRIES_END, 'there is an entry');
    directory.settle(entry, State.LIVE);
    return { entry, first: words[entry + Entry.FIRST]!, pages: words[entry + Entry.PAGES]! };
  });
}

/** Gives a region's pages back, if it still is what it was. */
function give(words: Int32Array, entry: number): boolean {
  const directory = new Directory(words);
  if (!directory.claim(entry, directory.word(entry))) return false;
  directory.settle(entry, State.RELEASED);
  return true;
}

function overlap(a: Held, b: Held): boolean {
  return a.first < b.first + b.pages && b.first < a.first + a.pages;
}

/** Two take pages that nobody had: never the same. */
function taking(pages: number, wanted: readonly number[]) {
  return (context: TestContext): void => {
    const { words } = directoryOf(context, pages);
    const threads = wanted.map((count, index) =>
      context.thread(`taker ${index}`, () => take(words, count)),
    );
    context.after(() => {
      const held = threads.map(({ result }) => result).filter((each) => each !== undefined);
      for (const [index, each] of held.entries()) {
        assure(each.pages >= 1, 'an extent has pages');
        assure(each.first + each.pages <= FIRST_PAGE + pages, 'it lies in the arena');
        for (const other of held.slice(0, index)) assure(!overlap(each, other), 'no page twice');
      }
      const total = wanted.reduce((sum, count) => sum + count, 0);
      if (total <= pages) assure(held.length === wanted.length, 'all find room that is there');
      const top = loadAcquire(words, Header.TOP);
      assure(top <= FIRST_PAGE + pages, 'no more than there is has been taken');
    });
  };
}

/** One gives pages back while another takes: it may have those, and then nobody else does. */
function reusing(context: TestContext): void {
  const { words } = directoryOf(context, 2);
  const first = take(words, 1)!;
  const second = take(words, 1)!;
  assure(give(words, second.entry), 'it was live');
  context.thread('giver', () => assure(give(words, first.entry), 'nobody else gives it back'));
  const taker = context.thread('taker', () => take(words, 1));
  context.after(() => {
    assure(taker.result !== undefined, 'what was given back before is found');
    const rest = take(words, 1);
    assure(rest !== undefined && !overlap(rest, taker.result), 'and the other page by the next');
    assure(take(words, 1) === undefined, 'then there is none');
  });
}

/**
 * Two take parts of what was given back, split or joined, or pages that nobody had: never the same.
 */
function sharing(released: readonly number[], wanted: readonly number[], pages: number) {
  return (context: TestContext): void => {
    const { words } = directoryOf(context, pages);
    const before = released.map((count) => take(words, count)!);
    for (const { entry } of before) assure(give(words, entry), 'it was live');
    const threads = wanted.map((count, index) =>
      context.thread(`taker ${index}`, () => take(words, count)),
    );
    context.after(() => {
      const held = threads.map(({ result }) => result).filter((each) => each !== undefined);
      assure(held.length === wanted.length, 'there is room for all');
      for (const [index, each] of held.entries()) {
        assure(each.pages >= wanted[index]!, 'an extent has the pages that were asked for');
        for (const other of held.slice(0, index)) assure(!overlap(each, other), 'no page twice');
      }
      for (const { entry } of held) assure(give(words, entry), 'it was live');
      const all = take(words, pages);
      assure(all !== undefined && all.pages === pages, 'given back, all pages are one extent');
    });
  };
}

/** Takes pages, and is not followed where it would wait for another; whether there were some. */
function takeAtOnce(
  context: TestContext,
  words: Int32Array,
  pages: number,
  alignment: number = 1,
): boolean {
  const { Atomics: atomics } = globalThis;
  const others = { Atomics: { ...atomics, wait: () => context.assume(false) } };
  return replacing(globalThis, others, () =>
    skipping(() => {
      const directory = new Directory(words);
      const entry = directory.take(pages, alignment);
      if (entry !== NO_PAGES) directory.settle(entry, State.LIVE);
      return entry !== NO_PAGES;
    }),
  );
}

/** One makes what was given back last grow while another takes pages behind it: one of them can. */
function growing(context: TestContext): void {
  const { words } = directoryOf(context, 3);
  const { entry } = take(words, 1)!;
  assure(give(words, entry), 'it was live');
  const grower = context.thread('grower', () => takeAtOnce(context, words, 3));
  // The page that was given back is of no use to it: it does not lie right.
  const taker = context.thread('taker', () => takeAtOnce(context, words, 1, 2));
  context.after(() => assure(grower.result !== taker.result, 'one of them finds room'));
}

/** What is left of an extent that is split is seen as it is by who claims it. */
function splitting(context: TestContext): void {
  const { words } = directoryOf(context, 2);
  const { entry } = take(words, 2)!;
  assure(give(words, entry), 'it was live');
  context.thread('taker', () => takeAtOnce(context, words, 1));
  context.thread('other', () => {
    const directory = new Directory(words);
    const [last] = skipping(() => directory.released()).slice(-1);
    if (last === undefined || !directory.claim(last.entry, last.word)) return;
    const { first, pages } = last;
    const isWhole = first === FIRST_PAGE && pages === 2;
    assure(isWhole || (first === FIRST_PAGE + 1 && pages === 1), 'both are of one extent');
    directory.settle(last.entry, State.RELEASED);
  });
}

/**
 * Runs `body` with waits whose time limit is one in which another thread comes to its end; gives how
 * often it waited, too.
 */
function outwaiting<T>(other: { join(): void }, body: () => T): { result: T; waits: number } {
  let waits = 0;
  const wait = (): string => {
    waits += 1;
    other.join();
    return 'timed-out';
  };
  const { Atomics: atomics } = globalThis;
  const result = replacing(globalThis, { Atomics: { ...atomics, wait } }, body);
  return { result, waits };
}

/** There is no page but one that somebody has begun to give back: an allocation waits for it. */
function awaiting(context: TestContext): void {
  const { words } = directoryOf(context, 1);
  const { entry } = take(words, 1)!;
  const begun = context.words(1, 'begun');
  const giver = context.thread('giver', () => {
    const directory = new Directory(words);
    assure(directory.claim(entry, directory.word(entry)), 'it was live');
    storeRelease(begun, 0, 1);
    directory.settle(entry, State.RELEASED);
  });
  context.thread('taker', () => {
    while (loadAcquire(begun, 0) === 0);
    const { result, waits } = outwaiting(giver, () => take(words, 1));
    assure(result !== undefined, 'what is given back is taken');
    assure(waits <= 1, 'it is awaited once');
  });
}

/** Pages that others join, or take a part of, are not hidden meanwhile from who needs some. */
function joining(context: TestContext): void {
  const { words } = directoryOf(context, 2);
  const both = [take(words, 1)!, take(words, 1)!];
  for (const { entry } of both) assure(give(words, entry), 'it was live');
  const joiner = context.thread('joiner', () => skipping(() => new Directory(words).join()));
  context.thread('taker', () => {
    const { result } = outwaiting(joiner, () => take(words, 1));
    assure(result !== undefined, 'what is free all the time is found');
  });
}

/** The claimant has died: who waits for it gives up, and takes nothing of what it claimed. */
function outliving(context: TestContext): void {
  const { words } = directoryOf(context, 1);
  const { entry } = take(words, 1)!;
  const directory = new Directory(words);
  assure(directory.claim(entry, directory.word(entry)), 'it was live');
  const taker = context.thread('taker', () => take(words, 1));
  context.after(() => assure(taker.result === undefined, 'what the dead have is theirs'));
}

/** Two give the same region back: one of them does. */
function givingTwice(context: TestContext): void {
  const { words } = directoryOf(context, 1);
  const { entry } = take(words, 1)!;
  const directory = new Directory(words);
  const word = directory.word(entry);
  const givers = ['first', 'second'].map((name) =>
    context.thread(name, () => {
      const own = new Directory(words);
      if (!own.claim(entry, word)) return 0;
      own.settle(entry, State.RELEASED);
      return 1;
    }),
  );
  context.after(() => {
    assure(givers[0]!.result + givers[1]!.result === 1, 'it is given back once');
    assure(take(words, 1) !== undefined, 'and there again');
  });
}

/** What is read of an entry that does not change meanwhile is of one region. */
function reading(context: TestContext): void {
  const { words } = directoryOf(context, 2);
  const { entry } = take(words, 1)!;
  words[entry + Entry.SIZE] = 1;
  words[entry + Entry.USED] = ~1;
  context.thread('owner', () => {
    const directory = new Directory(words);
    assure(directory.claim(entry, directory.word(entry)), 'it is its own');
    words[entry + Entry.SIZE] = 2;
    words[entry + Entry.USED] = ~2;
    directory.settle(entry, State.LIVE);
  });
  context.thread('observer', () => {
    const directory = new Directory(words);
    const word = directory.word(entry);
    if ((word & 3) !== State.LIVE) return;
    const size = words[entry + Entry.SIZE]!;
    const used = words[entry + Entry.USED]!;
    if (directory.unchanged(entry, word)) assure(used === ~size, 'both are of one region');
  });
}

/** Everything about the arena's memory. */
export const memory: readonly Structure[] = [
  {
    name: 'a slab: a slot has one holder at a time, who sees what the last one wrote',
    covers: SLAB_SOURCES,
    models: JAVASCRIPT,
    named: 'holds',
    body: holding(1, 2, 1),
  },
  {
    name: 'a slab: two slots for two',
    covers: SLAB_SOURCES,
    models: QUICK,
    named: 'holds',
    body: holding(2, 2, 1),
  },
  {
    name: 'a slab: two holders have two slots',
    covers: SLAB_SOURCES,
    models: JAVASCRIPT,
    named: 'holds',
    body: keeping(2, 2, 0),
  },
  {
    name: 'a slab: the last slot, and one of the next word',
    covers: SLAB_SOURCES,
    models: QUICK,
    named: 'holds',
    body: keeping(33, 2, 31),
  },
  {
    name: 'a slab: three want the last slot',
    covers: SLAB_SOURCES,
    models: QUICK,
    named: 'holds',
    body: keeping(2, 3, 1),
  },
  {
    name: 'a slab: a slot goes from one to another',
    covers: SLAB_SOURCES,
    models: JAVASCRIPT,
    named: 'holds',
    body: handing,
  },
  {
    name: 'a slab: a slot is given back by another',
    covers: SLAB_SOURCES,
    models: QUICK,
    named: 'holds',
    body: entrusting,
  },
  {
    name: 'the directory: untouched pages are taken once',
    covers: DIRECTORY_SOURCES,
    models: QUICK,
    named: 'holds',
    body: taking(2, [1, 1]),
  },
  {
    name: 'the directory: pages go from one to another',
    covers: DIRECTORY_SOURCES,
    models: ['sc'],
    named: 'holds',
    races: 'allow',
    body: reusing,
  },
  {
    name: 'the directory: an allocation that would fail waits for who gives back',
    covers: DIRECTORY_SOURCES,
    models: ['sc'],
    races: 'allow',
    body: awaiting,
  },
  {
    name: 'the directory: what others join is free meanwhile',
    covers: DIRECTORY_SOURCES,
    models: ['sc'],
    races: 'allow',
    body: joining,
  },
  {
    name: 'the directory: an allocation that would fail waits in vain for who has died',
    covers: DIRECTORY_SOURCES,
    models: ['sc'],
    races: 'allow',
    body: outliving,
  },
  {
    name: 'the directory: what is left of an extent that is split',
    covers: DIRECTORY_SOURCES,
    models: ['sc'],
    named: 'holds',
    races: 'allow',
    body: splitting,
  },
  {
    name: 'the directory: what was given back is split',
    covers: DIRECTORY_SOURCES,
    models: ['sc'],
    races: 'allow',
    body: sharing([2], [1, 1], 3),
  },
  {
    name: 'the directory: what was given back is joined',
    covers: DIRECTORY_SOURCES,
    models: ['sc'],
    races: 'allow',
    body: sharing([1, 1], [2, 1], 4),
  },
  {
    name: 'the directory: what was given back last grows',
    covers: DIRECTORY_SOURCES,
    models: ['sc'],
    named: 'holds',
    races: 'allow',
    body: sharing([1], [2, 1], 4),
  },
  {
    name: 'the directory: what was given back last grows, or what is behind it is taken',
    covers: DIRECTORY_SOURCES,
    models: ['sc'],
    races: 'allow',
    body: growing,
  },
  {
    name: 'the directory: what is given back twice is given back once',
    covers: DIRECTORY_SOURCES,
    models: JAVASCRIPT,
    named: 'holds',
    body: givingTwice,
  },
  {
    name: 'the directory: what is read of an entry is of one region',
    covers: DIRECTORY_SOURCES,
    models: ['sc', 'x86-tso', 'v8-arm64'],
    races: 'allow',
    body: reading,
  },
];
