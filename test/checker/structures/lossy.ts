/**
 * Lossy rings, one thing after the other: where pieces go, what is lost and what must not be, and
 * which words of a stranger are lies. `overtaking.ts` is about sides that run at the same time.
 */
import type { TestContext } from '../../../src/checker/check/index.ts';
import type { RingCore } from '../../../src/ring/core.ts';
import { LaneCopier } from '../../../src/ring/lanes/copier.ts';
import { LaneWriter, NO_SLOT } from '../../../src/ring/lanes/writer.ts';
import { Block, Lane, Poison } from '../../../src/ring/layout.ts';
import { assure } from './ground.ts';
import { copierOf, lostOf, numberOf, pushOnce, slabRing } from './overtaking.ts';
import { CheckedRing, read, STARTS, write } from './rings.ts';
import { QUICK, type Structure } from './structure.ts';

const SOURCES = ['ring/lanes/copier.js', 'ring/lanes/writer.js'];
const PIECES = ['ring/lanes/copier.js', 'ring/lanes/inbox.js', 'ring/lanes/writer.js'];

const SLAB = 256;
/** What is given up at once, at least. */
const AHEAD = SLAB / 16;

/** Bytes of three pieces each; all of them fit into a slab, but the last two. */
const MESSAGES: readonly (readonly number[])[] = [
  [8, 8, 0],
  [248, 8, 0],
  [0, 136, 0],
  [136, 112, 8],
  [136, 121, 0],
  [8, 8, 248],
];

/** Where the slab stands before the message, and what is known of those that were written. */
interface Slab {
  tail: number;
  intent: number;
}

/** As `spec/ring.md`, §9 and §10, have it: where pieces go; undefined when they do not fit there. */
function place(slab: Slab, lengths: readonly number[]): number[] | undefined {
  const positions: number[] = [];
  let { tail } = slab;
  for (const length of lengths) {
    if (length === 0) continue;
    let start = Math.ceil(tail / 8) * 8;
    if ((start % SLAB) + length > SLAB) start = Math.ceil(start / SLAB) * SLAB;
    const first = positions[0] ?? start;
    if (start + length > first + SLAB) return undefined;
    if (start + length > slab.intent) {
      slab.intent = Math.max(start + length, Math.min(start + AHEAD, first + SLAB));
    }
    positions.push(start);
    tail = start + length;
  }
  slab.tail = tail;
  return positions;
}

/** Where messages begin: positions wrap at 31 and at 32 bits, in the slab too. */
const WRAPS = STARTS.slice(1);

/** One side that does everything, and what the specification says of it. */
class Placer {
  readonly ring: CheckedRing;
  readonly #core: RingCore;
  readonly #writer: LaneWriter;
  readonly #slab: Slab;
  /** Counted from the last multiple of the slab on, as `place` counts. */
  readonly #from: number;
  /** Numbers of messages that were written, and where their first pieces are. */
  readonly #written: { readonly number: number; readonly first: number }[] = [];

  constructor(ring: CheckedRing, start: number) {
    this.ring = ring;
    this.#core = ring.core();
    this.#writer = new LaneWriter(this.#core, 0, 1);
    const first = start & -8;
    const before = first & (SLAB - 1);
    this.#from = first - before;
    this.#slab = { tail: before, intent: before };
  }

  /** Writes a message: it goes where it must, or does not fit, which is found out. */
  write(number: number, lengths: readonly number[]): void {
    if (this.#try(number, lengths) || !this.#writer.startsOver) return;
    this.#slab.tail = Math.ceil(this.#slab.tail / SLAB) * SLAB;
    const fits = this.#try(number, lengths);
    const bytes = lengths.reduce((sum, length) => Math.ceil(sum / 8) * 8 + length, 0);
    assure(fits === bytes <= SLAB, 'what fits into a slab does at its beginning');
  }

  #try(number: number, lengths: readonly number[]): boolean {
    const positions = place(this.#slab, lengths);
    let isWritten = false;
    try {
      isWritten = pushOnce(this.#core, this.#writer, number, lengths);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_RING_MESSAGE_SIZE') throw error;
      this.#writer.abort();
    }
    assure(isWritten === (positions !== undefined), 'it fits where the slab stands, or not');
    if (positions === undefined) return false;
    this.#written.push({ number, first: positions[0]! });
    const found = this.#references().filter(([, length]) => length > 0);
    const expected = positions.map((position) => (this.#from + position) | 0);
    assure(found.map(([at]) => at).join() === expected.join(), 'pieces are where they must be');
    return true;
  }

  /** Of the slot that was written last. */
  #references(): [position: number, length: number][] {
    const { words } = this.#core;
    const slot = (this.#writer.published - 1) & 7;
    const at = (this.ring.plan.slots(0) + 24 * slot) >>> 2;
    return [0, 2, 4].map((piece) => [words[at + piece]!, words[at + piece + 1]!]);
  }

  /** Numbers of the messages that nothing of theirs was given up. */
  get kept(): number[] {
    const { intent } = this.#slab;
    return this.#written.filter(({ first }) => intent - first <= SLAB).map(({ number }) => number);
  }

  get count(): number {
    return this.#written.length;
  }
}

/** Each message goes where the specification says, and only what it overwrites is lost. */
function placing(context: TestContext): void {
  const start = WRAPS[context.choose(WRAPS.length)]!;
  const ring = slabRing(context, { slots: 8, slabBytes: SLAB, pieces: 3 }, start);
  const chosen = [0, 1, 2].map(() => MESSAGES[context.choose(MESSAGES.length)]!);
  const placer = new Placer(ring, start);
  context.thread('writer', () => {
    for (const [number, lengths] of chosen.entries()) placer.write(number, lengths);
  });
  const core = ring.core();
  context.after(() => {
    const copier = copierOf(core, 3);
    const found: number[] = [];
    for (let count = copier.fetch(8); count > 0; count = copier.fetch(8)) {
      for (let index = 0; index < count; index++) {
        found.push(numberOf(core, copier, index, chosen));
      }
    }
    const { kept } = placer;
    assure(found.join() === kept.join(), `${kept.join()} are whole, not ${found.join()}`);
    assure(lostOf(ring) === placer.count - kept.length, 'what is lost is counted');
  });
}

/**
 * A message whose piece is left out, in a slot that had one: what is left there of the old one,
 * which was overwritten long ago, does not count.
 */
function leavingOut(context: TestContext): void {
  const shape = { topology: 'broadcast', lossy: true, slots: 2, slabBytes: 8, stride: 16 } as const;
  const ring = new CheckedRing(context, shape);
  const core = ring.core();
  const { words } = core;
  context.thread('both', () => {
    const writer = new LaneWriter(core, 0, 1);
    for (const isThere of [true, true, false]) {
      const slot = writer.claim() >>> 2;
      words[slot] = isThere ? 1 : 0;
      if (isThere) {
        words[slot + 2] = writer.reserve(8);
        words[slot + 3] = 8;
      }
      writer.commit(1);
    }
    const copier = new LaneCopier(core, 0, 0, [{ offset: 8, presence: 0, bit: 0 }]);
    const lengths: number[] = [];
    while (copier.fetch(1) === 1) {
      lengths.push(words[(copier.inbox.slot(copier.first) >>> 2) + 3]!);
    }
    assure(lengths.join() === '8,0', 'the other two come, with and without a piece');
    assure(lostOf(ring) === 1, 'the first one is lost');
  });
}

/** Slots that are claimed together: as many as there are, side by side until they wrap. */
function claiming(context: TestContext): void {
  const start = STARTS[context.choose(STARTS.length)]!;
  const ring = new CheckedRing(context, { topology: 'broadcast', lossy: true, slots: 4 }, start);
  const core = ring.core();
  const wanted = 1 + context.choose(5);
  context.thread('writer', () => {
    const writer = new LaneWriter(core, 0, 1);
    assure(writer.room === 4 && writer.hasRoom(4), 'there is room for as many as there are slots');
    assure(!writer.hasRoom(5), 'and never for more');
    assure(writer.claimMany(wanted) === wanted <= 4, 'as many as there are slots can be claimed');
    const run = writer.claimRun(wanted);
    assure(run === Math.min(wanted, 4 - (start & 3)), 'a run ends where slots wrap');
    const intent = core.words[core.word(ring.plan.control(0) + Lane.INTENT)]!;
    assure(((intent - start) | 0) >= run, 'what may be written is said before');
    const first = writer.slotAt(0);
    for (let index = 0; index < run; index++) {
      assure(writer.slotAt(index) === first + 8 * index, 'its slots lie side by side');
    }
    assure(first === ring.plan.slots(0) + 8 * (start & 3), 'from the next one on');
  });
}

/** Messages of a run, which overwrite what a consumer copies. */
function running(context: TestContext): void {
  const isRun = context.choose(2) === 0;
  const shape = { topology: 'broadcast', lossy: true, slots: 2 } as const;
  const ring = new CheckedRing(context, shape);
  const core = ring.core();
  const writer = new LaneWriter(core, 0, 2);
  for (let value = 1; value <= 2; value++) {
    write(core.words, writer.claim(), value);
    writer.commit(1);
  }
  context.thread('producer', () => {
    assure(isRun ? writer.claimRun(2) === 2 : writer.claimMany(2), 'there is room');
    for (let index = 0; index < 2; index++) write(core.words, writer.slotAt(index), 3 + index);
    writer.commit(2);
  });
  const other = ring.core();
  const values: number[] = [];
  // Made by its own thread, whose fence is of its memory.
  let copier: LaneCopier | undefined;
  const take = (): boolean => {
    copier ??= new LaneCopier(other, 0, 0, []);
    const count = copier.fetch(2);
    for (let index = 0; index < count; index++) {
      values.push(read(other.words, copier.inbox.slot(copier.first + index)));
    }
    return count > 0;
  };
  context.thread('consumer', () => void take());
  context.after(() => {
    while (take());
    assure(values.length + lostOf(ring) === 4, 'what is not taken is counted as lost');
    assure(values.at(-1) === 4 && values.at(-2) === 3, 'the last ones come');
  });
}

/** What the words of a lossy lane say, from where it begins on, and whether that can be. */
interface Words {
  readonly tail?: number;
  readonly intent?: number;
  /** Of the first slot's piece. */
  readonly length?: number;
  readonly slabIntent?: number;
  readonly poison?: number;
  /** How many are taken, and how many were lost. */
  readonly taken?: number;
  readonly lost?: number;
}

const WORDS: readonly Words[] = [
  { tail: 2, intent: 2, taken: 2 },
  { tail: 3, intent: 2, poison: Poison.TAIL },
  { tail: 2, intent: 3, taken: 1, lost: 1 },
  { tail: 1, intent: 3, lost: 1 },
  // What is given up before it was shown: as many as there are slots, and as many again.
  { tail: 1, intent: 5, lost: 3 },
  { tail: 1, intent: 6, poison: Poison.TAIL },
  { tail: 0, intent: 0 },
  { tail: 1, intent: 1, length: 16, taken: 1 },
  { tail: 1, intent: 1, length: 17, poison: Poison.REFERENCE },
  // What was overwritten meanwhile may say anything.
  { tail: 2, intent: 3, length: 17, taken: 1, lost: 1 },
  { tail: 1, intent: 1, slabIntent: 16, taken: 1 },
  { tail: 1, intent: 1, slabIntent: 17, lost: 1 },
];

/** Where nothing is overwritten before it was taken. */
const KEPT_WORDS: readonly Words[] = [
  { tail: 0 },
  { tail: 2, taken: 2 },
  { tail: 3, poison: Poison.TAIL },
  { tail: -1 },
  { tail: 1, length: 16, taken: 1 },
  { tail: 1, length: 17, poison: Poison.REFERENCE },
];

/** Lies are found out, and honest extremes are not taken for lies. */
function lying(isLossy: boolean, isShared: boolean) {
  return (context: TestContext): void => {
    const start = STARTS[context.choose(STARTS.length)]!;
    const shape = { slots: 2, slabBytes: 16, pieces: 1, lossy: isLossy, shared: isShared };
    const ring = slabRing(context, shape, start);
    const cases = isLossy ? WORDS : KEPT_WORDS;
    const said = cases[context.choose(cases.length)]!;
    const { tail = 0, intent = 0, length = 8, slabIntent = 8 } = said;
    const { poison = 0, taken = 0, lost = 0 } = said;
    const control = ring.plan.control(0);
    // Where the slab begins again.
    const base = start & -16;
    ring.set(control + Lane.TAIL, (start + tail) | 0);
    ring.set(control + Lane.INTENT, (start + intent) | 0);
    ring.set(control + Lane.SLAB_INTENT, (base + slabIntent) | 0);
    // The first message's, and that of the other one, which is good.
    for (const [index, bytes] of [length, 8].entries()) {
      const slot = ring.plan.slots(0) + 8 * ((start + index) & 1);
      ring.set(slot, base);
      ring.set(slot + 4, bytes);
    }
    const core = ring.core();
    context.thread('reader', () => {
      const copier = copierOf(core, 1);
      let found = 0;
      let isPoisoned = false;
      try {
        for (let count = copier.fetch(2); count > 0; count = copier.fetch(2)) found += count;
      } catch (error) {
        isPoisoned = (error as { code?: string }).code === 'ERR_RING_POISONED';
        if (!isPoisoned) throw error;
      }
      const at = (position: number): boolean => core.hasMessage(0, (start + tail + position) | 0);
      assure(at(-1) && !at(0), 'what is behind the tail is there');
      assure(!at(isLossy ? 4 : 1), 'a head may be ahead of what is shown');
      assure(core.words[core.word(Block.POISON)] === poison, `poison ${poison}`);
      assure(isPoisoned === poison > 0, 'who finds a lie says so');
      if (poison === 0) assure(found === taken && lostOf(ring) === lost, 'what is good is taken');
    });
  };
}

/** A producer that begins believes what it finds, if that can be. */
function beginning(context: TestContext): void {
  const start = STARTS[context.choose(STARTS.length)]!;
  const ring = slabRing(context, { slots: 4, slabBytes: 16, pieces: 1 }, start);
  const control = ring.plan.control(0);
  const [ahead, slabAhead] = [
    [0, 4, 5, -1][context.choose(4)]!,
    [0, 16, 17, -1][context.choose(4)]!,
  ];
  ring.set(control + Lane.INTENT, (start + ahead) | 0);
  ring.set(control + Lane.SLAB_INTENT, ((start & -8) + slabAhead) | 0);
  const core = ring.core();
  context.thread('writer', () => {
    void new LaneWriter(core, 0, 1);
    const intent = core.words[core.word(control + Lane.INTENT)]!;
    const slabIntent = core.words[core.word(control + Lane.SLAB_INTENT)]!;
    assure(((intent - start) | 0) === [0, 4, 4, 4][[0, 4, 5, -1].indexOf(ahead)], 'slots');
    const slabLeft = (slabIntent - (start & -8)) | 0;
    assure(slabLeft === [0, 16, 16, 16][[0, 16, 17, -1].indexOf(slabAhead)], 'the slab');
  });
}

/** Who joins begins behind the newest message. */
function skipping(context: TestContext): void {
  const start = STARTS[context.choose(STARTS.length)]!;
  const ring = new CheckedRing(context, { topology: 'broadcast', lossy: true, slots: 2 }, start);
  const core = ring.core();
  const other = ring.core();
  const writer = new LaneWriter(core, 0, 1);
  write(core.words, writer.claim(), 1);
  writer.commit(1);
  context.thread('producer', () => {
    write(core.words, writer.claim(), 2);
    writer.commit(1);
  });
  const consumer = context.thread('consumer', () => {
    const copier = new LaneCopier(other, 0, 0, []);
    copier.skipToNewest();
    return copier;
  });
  context.after(() => {
    const copier = consumer.result;
    assure(writer.claim() !== NO_SLOT, 'a lossy ring is never full');
    const count = copier.fetch(2);
    assure(count <= 1 && lostOf(ring) === 0, 'what was there before is not for it, nor lost');
    if (count === 1) {
      assure(read(other.words, copier.inbox.slot(copier.first)) === 2, 'what came then is');
    }
    assure(other.words[other.headWord(0, 0)] === ((start + 2) | 0), 'and that was all');
  });
}

/** Everything about lossy rings that is not about tearing. */
export const lossy: readonly Structure[] = [
  {
    name: 'a lossy slab: each piece goes where it must, and nothing else is lost',
    covers: PIECES,
    models: ['sc'],
    body: placing,
  },
  {
    name: 'a lossy slab: a piece that is left out',
    covers: PIECES,
    models: ['sc'],
    body: leavingOut,
  },
  {
    name: 'a lossy lane: slots that are claimed together',
    covers: SOURCES,
    models: ['sc'],
    body: claiming,
  },
  {
    name: 'a lossy lane: messages that are written together',
    covers: SOURCES,
    models: [...QUICK, 'v8-arm64'],
    named: 'holds',
    races: 'allow',
    body: running,
  },
  {
    name: 'a lossy lane: lies',
    covers: [...PIECES, 'ring/core.js'],
    models: ['sc'],
    body: lying(true, false),
  },
  {
    name: 'a lossy lane that is shared: lies',
    covers: [...PIECES, 'ring/core.js'],
    models: ['sc'],
    body: lying(true, true),
  },
  {
    name: 'a shared lane: lies',
    covers: [...PIECES, 'ring/core.js'],
    models: ['sc'],
    body: lying(false, true),
  },
  {
    name: 'a lossy lane: a producer begins with what it finds',
    covers: SOURCES,
    models: ['sc'],
    body: beginning,
  },
  {
    name: 'a lossy lane: a consumer begins with what is new',
    covers: SOURCES,
    models: QUICK,
    named: 'holds',
    races: 'allow',
    body: skipping,
  },
];
