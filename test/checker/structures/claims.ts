/** Slots that a producer claims together, with pieces, and how producers begin and end. */
import type { TestContext } from '../../../src/checker/check/index.ts';
import type { RingCore } from '../../../src/ring/core.ts';
import { LaneReader } from '../../../src/ring/lanes/reader.ts';
import { LaneWriter, NO_SLOT } from '../../../src/ring/lanes/writer.ts';
import { Block, Lane, LaneState, Poison } from '../../../src/ring/layout.ts';
import { assure } from './ground.ts';
import { CheckedRing, isRefused, STARTS } from './rings.ts';
import type { Structure } from './structure.ts';

const SOURCES = ['ring/lanes/writer.js'];

const SLOTS = 4;
const SLAB = 32;
/** Two fill the slab. */
const BYTES = 16;

/** What the next slots of a claim hold: a piece each, none, or they are not even asked for. */
type Content = 'piece' | 'nothing' | 'unasked';

const CONTENTS: readonly (readonly Content[])[] = [
  ['piece', 'piece'],
  ['piece', 'unasked'],
  ['nothing', 'piece'],
  ['piece', 'nothing', 'piece'],
];

/** Fills the slots of a claim; false when the slab had no room for all of it. */
function fill(core: RingCore, writer: LaneWriter, contents: readonly Content[], first: number) {
  for (const [index, content] of contents.entries()) {
    if (content === 'unasked') continue;
    const slot = writer.slotAt(index) >>> 2;
    core.words[slot] = -1;
    core.words[slot + 1] = first + index;
    if (content === 'nothing') continue;
    const position = writer.reserve(BYTES);
    if (position < 0) return false;
    const at = (writer.base + (position & (SLAB - 1))) >>> 2;
    core.words[at] = first + index;
    core.words[at + 1] = ~(first + index);
    core.words[slot] = position;
  }
  // Asked for again: their pieces stay where they are.
  for (const [index, content] of contents.entries()) {
    if (content !== 'unasked') writer.slotAt(index);
  }
  return true;
}

/** Looks at the next message, and takes it. */
function takeOne(core: RingCore, reader: LaneReader, content: Content, number: number): void {
  const slot = reader.peek();
  assure(slot !== NO_SLOT, 'it is there');
  if (content !== 'unasked') {
    assure(core.words[(slot >>> 2) + 1] === number, 'messages come in order');
    const position = core.words[slot >>> 2]!;
    assure(position === -1 || content === 'piece', 'a message without a piece has none');
    if (content === 'piece') {
      const at = (core.plan.slab(0) + (position & (SLAB - 1))) >>> 2;
      const isWhole = core.words[at] === number && core.words[at + 1] === ~number;
      assure(isWhole, 'a piece is that of its message');
    }
  }
  reader.take();
}

/**
 * Claims of several slots whose pieces fill the slab again and again, of which the consumer takes
 * some at a time: what is not taken is not overwritten.
 */
function claiming(context: TestContext): void {
  const start = STARTS[context.choose(STARTS.length)]!;
  const contents = CONTENTS[context.choose(CONTENTS.length)]!;
  const left = context.choose(2);
  // Slots of a run are asked for, all that are committed.
  const isRun = !contents.includes('unasked') && context.choose(2) === 1;
  const ring = new CheckedRing(context, { slots: SLOTS, slabBytes: SLAB }, start);
  ring.set(ring.plan.control(0) + Lane.SLAB_TAIL, start & -8);
  const core = ring.core();
  context.thread('nobody', () => undefined);
  context.after(() => {
    const writer = new LaneWriter(core, 0, 1);
    const reader = new LaneReader(core, 0, 0, 1);
    const sent: Content[] = [];
    let taken = 0;
    let isFull = false;
    for (let round = 0; round < 12; round++) {
      // What found no room beside what was left finds it beside nothing.
      const kept = isFull ? 0 : left;
      while (sent.length - taken > kept) takeOne(core, reader, sent[taken]!, 1 + taken++);
      const { length } = contents;
      const whole = isRun || writer.claimMany(length) ? length : 0;
      const claimed = isRun ? writer.claimRun(length) : whole;
      const part = contents.slice(0, claimed);
      isFull = !fill(core, writer, part, 1 + sent.length);
      if (isFull) {
        writer.abort();
        continue;
      }
      writer.commit(claimed);
      sent.push(...part);
    }
    assure(sent.length >= 2 * contents.length, 'the slab is used again');
    while (taken < sent.length) takeOne(core, reader, sent[taken]!, 1 + taken++);
  });
}

/** On a lossy ring each message of a claim may have the whole slab, over the one before. */
function claimingLossy(context: TestContext): void {
  const isRun = context.choose(2) === 1;
  const shape = { topology: 'broadcast', lossy: true, slots: SLOTS, slabBytes: SLAB } as const;
  const ring = new CheckedRing(context, shape);
  const core = ring.core();
  context.thread('writer', () => {
    const writer = new LaneWriter(core, 0, 1);
    for (let round = 0; round < 3; round++) {
      assure(isRun ? writer.claimRun(2) === 2 : writer.claimMany(2), 'there is always room');
      for (let index = 0; index < 2; index++) {
        writer.slotAt(index);
        const position = writer.reserve(SLAB);
        assure(position === SLAB * (2 * round + index), 'in the slab, too');
      }
      writer.commit(2);
      assure(writer.hasRoom(SLOTS), 'however far behind its consumers are');
    }
  });
}

/** Without a slab there is nothing behind the slots of a lane but those of the next one. */
function slabless(context: TestContext): void {
  const topology = (['mpsc', 'mpmc'] as const)[context.choose(2)]!;
  const ring = new CheckedRing(context, { topology, lanes: 2, slots: SLOTS });
  const other = ring.plan.slots(1);
  for (let offset = 0; offset < 8 * SLOTS; offset += 4) ring.set(other + offset, 7);
  const before = ring.words[(ring.plan.control(0) + Lane.SLAB_TAIL) >>> 2];
  const core = ring.core();
  context.thread('writer', () => {
    const writer = new LaneWriter(core, 0, 1);
    assure(writer.claim() !== NO_SLOT, 'there is room');
    writer.commit(1);
    assure(writer.claimMany(2), 'for more');
    writer.slotAt(1);
    writer.commit(2);
    assure(writer.claimRun(1) === 1 && writer.slotAt(0) !== NO_SLOT, 'and for one');
    writer.abort();
  });
  context.after(() => {
    for (let offset = 0; offset < 8 * SLOTS; offset += 4) {
      assure(ring.words[(other + offset) >>> 2] === 7, 'another lane is as it was');
    }
    const after = ring.words[(ring.plan.control(0) + Lane.SLAB_TAIL) >>> 2];
    assure(after === before, 'what is said of a slab stays');
  });
}

/** A lane is open again when another producer comes, and poisoned or not it can be left. */
function succeeding(context: TestContext): void {
  const isPoisoned = context.choose(2) === 1;
  const ring = new CheckedRing(context, { slots: SLOTS });
  const core = ring.core();
  context.thread('producers', () => {
    const first = new LaneWriter(core, 0, 2);
    assure(core.laneState(0) === LaneState.OPEN, 'a lane with a producer is open');
    first.claim();
    first.commit(1);
    first.finish(true);
    assure(core.laneState(0) === LaneState.CLOSED, 'it is closed by its producer');
    const second = new LaneWriter(core, 0, 2);
    assure(core.laneState(0) === LaneState.OPEN, 'and open again with the next one');
    second.claim();
    second.commit(1);
    // Somebody sleeps, so that the producer looks around when it publishes.
    core.words[core.word(Block.CONSUMERS_BELL)] = 1;
    if (isPoisoned) {
      core.words[core.word(Block.POISON)] = 1;
      assure(
        isRefused(() => second.publish()),
        'who publishes is told of a poison',
      );
    }
    second.finish(false);
    const tail = core.words[core.word(ring.plan.control(0) + Lane.TAIL)];
    assure(tail === 2, 'what was left is shown');
    assure(core.laneState(0) === LaneState.OPEN, 'who leaves does not close');
  });
}

/** A word that says where a message's pieces began, and cannot: the slab is too small for that. */
function startLies(context: TestContext): void {
  const start = STARTS[context.choose(STARTS.length)]!;
  const lie = [0, 2 * SLAB, 2 * SLAB + 1, -1][context.choose(4)]!;
  const ring = new CheckedRing(context, { slots: 2, slabBytes: SLAB }, start);
  ring.set(ring.plan.control(0) + Lane.SLAB_TAIL, start & -8);
  // One message is in flight.
  ring.set(ring.plan.cursor(0, 0), (start - 1) | 0);
  ring.set(ring.plan.starts(0) + 4 * ((start - 1) & 1), ((start & -8) - lie) | 0);
  const core = ring.core();
  context.thread('writer', () => {
    const isPoisoned = isRefused(() => void new LaneWriter(core, 0, 1));
    const isLie = lie < 0 || lie > 2 * SLAB;
    assure(isPoisoned === isLie, 'more than two slabs behind is a lie');
    const poison = core.words[core.word(Block.POISON)];
    assure(poison === (isLie ? Poison.HEAD : 0), 'about what consumers have taken');
  });
}

/** Everything about claims of several slots, and about beginnings and ends. */
export const claims: readonly Structure[] = [
  {
    name: 'a lane: pieces of slots that are claimed together',
    covers: SOURCES,
    models: ['sc'],
    body: claiming,
  },
  {
    name: 'a lossy lane: pieces of slots that are claimed together',
    covers: SOURCES,
    models: ['sc'],
    body: claimingLossy,
  },
  {
    name: 'a lane: lies about where pieces began',
    covers: SOURCES,
    models: ['sc'],
    body: startLies,
  },
  {
    name: 'a lane without a slab writes to no other lane',
    covers: SOURCES,
    models: ['sc'],
    body: slabless,
  },
  {
    name: 'a lane is open again when another producer comes',
    covers: SOURCES,
    models: ['sc'],
    body: succeeding,
  },
];
