/** Messages of rings as an observer sees them, with pieces: copies that were validated. */
import { storeRelease } from '#atomics';
import type { TestContext } from '../../../src/checker/check/index.ts';
import type { RingCore } from '../../../src/ring/core.ts';
import { LaneWriter } from '../../../src/ring/lanes/writer.ts';
import { Block, Lane, type RingShape } from '../../../src/ring/layout.ts';
import { RingTail, type SeenMessage } from '../../../src/ring/segment/tail.ts';
import { slab, struct, type StructType } from '../../../src/memory/index.ts';
import { assure } from './ground.ts';
import { CheckedSegment } from './segments.ts';
import { QUICK, type Structure, type Verdict } from './structure.ts';

const SOURCES = ['ring/segment/tail.js', 'ring/lanes/inbox.js'];

/** What goes through these rings. */
const Note: StructType<{ note: Uint8Array }, 'note'> = struct('t.Note', { note: slab('bytes') });

const BYTES = 8;
/** The smallest slab that there is. */
const SLAB = 64;

/**
 * A note of one word that is there twice, so that two halves are found out. So much of the slab is
 * for it that as many fit as a test wants.
 */
function push(core: RingCore, writer: LaneWriter, value: number, fit: number): void {
  const slot = writer.claim() >>> 2;
  const position = writer.reserve(SLAB / fit);
  assure(slot !== 0 && position >= 0, 'there is room');
  const at = (writer.base + (position & (writer.size - 1))) >>> 2;
  core.words[at] = value;
  core.words[at + 1] = value;
  core.words[slot] = position;
  core.words[slot + 1] = BYTES;
  writer.commit(1);
}

/** Whole, and those of their positions. */
function look(seen: readonly SeenMessage[]): number {
  for (const { message, position, problem } of seen) {
    assure(problem === undefined, `it can be decoded: ${problem}`);
    const { note } = message as { note: Uint8Array };
    const words = new DataView(note.buffer, note.byteOffset, BYTES);
    const [one, other] = [words.getInt32(0, true), words.getInt32(4, true)];
    assure(one === other, 'a message is whole');
    assure(one === position + 1, 'it is the one of its position');
  }
  return seen.length;
}

interface Sight {
  readonly shape: Partial<RingShape>;
  /** Messages whose pieces fit into the slab. */
  readonly fit: number;
  /** Messages that are there before anybody begins, and how many come then. */
  readonly before: number;
  readonly later: number;
  readonly publishEvery?: number;
  /** How many are copied while they come. @default 1 */
  readonly copies?: number;
  /** How many the consumer has taken when they come. */
  readonly taken?: number;
  /** How many of the first may be missed. */
  readonly mayMiss: number;
}

/** An observer looks at messages while others overwrite them. */
function observing(sight: Sight) {
  const { before, later, fit, publishEvery = 1, copies = 1, taken = 0, mayMiss } = sight;
  return (context: TestContext): void => {
    const shape = { ...sight.shape, slabBytes: SLAB };
    const segment = new CheckedSegment(context, shape, 0, 0, Note);
    const core = segment.core();
    const { plan } = core;
    // A consumer that is waited for, so that the observer begins where it is.
    segment.set(Block.CONSUMER_OWNERS, 1);
    const writer = new LaneWriter(core, 0, publishEvery);
    for (let value = 1; value <= before; value++) push(core, writer, value, fit);
    writer.publish();
    const arena = segment.ground.arena();
    context.thread('both sides', () => {
      // As a consumer does, on whose word the producer then writes.
      if (taken > 0) storeRelease(core.words, core.headWord(0, 0), taken);
      for (let value = before + 1; value <= before + later; value++) push(core, writer, value, fit);
    });
    const observer = context.thread('observer', () => {
      const tail = new RingTail({ ...segment.segment, arena }, segment.ring);
      return { tail, seen: look(tail.read(copies)) };
    });
    context.after(() => {
      const { tail, seen } = observer.result;
      writer.publish();
      const all = seen + look(tail.read(before + later));
      const published = core.words[core.word(plan.control(0) + Lane.TAIL)]!;
      assure(tail.read(1).length === 0, 'there is no more');
      assure(all >= published - Math.max(mayMiss, taken), 'what was not overwritten is seen');
      assure(all + tail.missed <= published, 'none is seen, or missed, twice');
    });
  };
}

/** Where the observer's own memory ends, nobody writes. */
const GUARD = 64;

/** What an observer sees of messages that nobody overwrites meanwhile, and of lies. */
function alone(look: (tail: RingTail, core: RingCore, push: (length?: number) => void) => void) {
  return (context: TestContext): void => {
    const shape = { topology: 'broadcast', lossy: true, slots: 2, slabBytes: SLAB } as const;
    const segment = new CheckedSegment(context, shape, 0, 0, Note);
    segment.set(Block.CONSUMER_OWNERS, 1);
    const core = segment.core();
    const writer = new LaneWriter(core, 0, 1);
    const arena = segment.ground.arena();
    context.thread('nobody', () => undefined);
    context.after(() => {
      const tail = new RingTail({ ...segment.segment, arena }, segment.ring);
      const guard = arena.allocate('guard', GUARD, { alignment: 8 });
      look(tail, core, (length = BYTES) => {
        push(core, writer, 1 + writer.published, SLAB / length);
        const slot = (core.plan.slots(0) + core.view.base + 8 * ((writer.published - 1) & 1)) >>> 2;
        core.words[slot + 1] = length;
        const end = core.words[slot]! + length;
        const last = core.view.base + core.plan.slab(0) + ((end - 4) & (SLAB - 1));
        core.words[last >>> 2] = writer.published;
      });
      const behind = arena.bytes.subarray(guard.offset, guard.offset + GUARD);
      assure(
        behind.every((byte) => byte === 0),
        'copies stay where they belong',
      );
    });
  };
}

function positions(seen: readonly SeenMessage[]): string {
  return seen.map(({ position }) => position).join();
}

/** More was overwritten than there are slots; then the tail lies. */
function farBehind(tail: RingTail, core: RingCore, push: () => void): void {
  for (let count = 0; count < 7; count++) push();
  assure(positions(tail.read(64)) === '5,6' && tail.missed === 5, 'the last ones are seen');
  const word = core.word(core.plan.control(0) + Lane.TAIL);
  core.words[word] = 5;
  assure(tail.read(64).length === 0, 'a tail that goes back shows nothing');
  core.words[word] = 107;
  tail.read(64);
  assure(tail.read(64).length === 0, 'nor does one that leaps');
}

/** Two messages, of which copies of one alone have room. */
function whole(tail: RingTail, _core: RingCore, push: (length?: number) => void): void {
  push(SLAB / 4);
  push(SLAB);
  const seen = tail.read(64);
  assure(positions(seen) === '1' && tail.missed === 1, 'the second one is seen');
  const { note } = seen[0]!.message as { note: Uint8Array };
  assure(note.length === SLAB && note[0] === 2 && note[SLAB - 4] === 2, 'with its piece');
}

/** Fewer messages are copied than before, whose pieces are overwritten by now. */
function fewer(tail: RingTail, _core: RingCore, push: (length?: number) => void): void {
  push(SLAB / 2);
  push(SLAB / 2);
  assure(positions(tail.read(64)) === '0,1', 'two are seen');
  push(SLAB);
  assure(positions(tail.read(64)) === '2' && tail.missed === 0, 'and one');
}

/** A reference that cannot be, behind one that can. */
function lying(tail: RingTail, core: RingCore, push: (length?: number) => void): void {
  push();
  push();
  core.words[((core.view.base + core.plan.slots(0)) >>> 2) + 3] = SLAB + 1;
  const seen = tail.read(64);
  assure(positions(seen) === '0,1', 'both are seen');
  assure(seen[0]!.message !== undefined, 'one as it is');
  const [, { message, problem }] = seen as [SeenMessage, SeenMessage];
  assure(message === undefined && problem!.includes('outside the slab'), 'the other as a lie');
}

const lossy = { topology: 'broadcast', lossy: true, slots: 2 } as const;

const UNTOLD: Verdict = {
  fails: 'error',
  because:
    'a producer does not tell how far it has written what it has not shown: more than half a ' +
    'of it may be where an observer copies what was consumed',
};

/** Everything about observers of pieces. */
export const observed: readonly Structure[] = [
  {
    name: 'an observer that is far behind',
    covers: SOURCES,
    models: ['sc'],
    body: alone(farBehind),
  },
  {
    name: 'an observer whose copies have no room',
    covers: SOURCES,
    models: ['sc'],
    body: alone(whole),
  },
  {
    name: 'an observer that copies fewer messages than before',
    covers: SOURCES,
    models: ['sc'],
    body: alone(fewer),
  },
  { name: 'an observer of a lie', covers: SOURCES, models: ['sc'], body: alone(lying) },
  {
    name: 'an observer of a lossy slab sees whole pieces',
    covers: SOURCES,
    models: [...QUICK, 'v8-x64', 'v8-arm64'],
    races: 'allow',
    body: observing({ shape: lossy, fit: 1, before: 1, later: 1, mayMiss: 1 }),
  },
  {
    name: 'an observer of a lossy slab: several are copied, of which the first is overwritten',
    covers: SOURCES,
    models: QUICK,
    races: 'allow',
    body: observing({
      shape: { ...lossy, slots: 4 },
      fit: 2,
      before: 2,
      copies: 2,
      later: 1,
      mayMiss: 1,
    }),
  },
  {
    name: 'an observer of a ring: what was taken is overwritten',
    covers: SOURCES,
    models: [...QUICK, 'v8-x64', 'v8-arm64'],
    races: 'allow',
    body: observing({
      shape: { slots: 2 },
      fit: 2,
      before: 2,
      later: 1,
      taken: 1,
      mayMiss: 1,
    }),
  },
  {
    name: 'an observer of a ring that is shown half at a time',
    covers: SOURCES,
    models: QUICK,
    races: 'allow',
    body: observing({
      shape: { slots: 4 },
      fit: 4,
      before: 4,
      copies: 4,
      later: 2,
      publishEvery: 2,
      taken: 4,
      mayMiss: 4,
    }),
  },
  {
    name: 'an observer of a ring that is shown at once',
    covers: [],
    models: ['sc'],
    verdict: UNTOLD,
    races: 'allow',
    body: observing({
      shape: { slots: 2 },
      fit: 4,
      before: 2,
      copies: 2,
      later: 2,
      publishEvery: 2,
      taken: 2,
      mayMiss: 2,
    }),
  },
];
