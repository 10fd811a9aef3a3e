/**
 * Lossy rings whose messages have pieces in the slab, which is overwritten at a pace of its own: a
 * producer overtakes a consumer in the slab while the consumer's slots are as they were, so that
 * only what is said of the slab, and the second look at it, keeps torn pieces away.
 */
import type { TestContext } from '../../../src/checker/check/index.ts';
import type { RingCore } from '../../../src/ring/core.ts';
import { LaneCopier } from '../../../src/ring/lanes/copier.ts';
import { LaneWriter } from '../../../src/ring/lanes/writer.ts';
import { Cursor, Lane } from '../../../src/ring/layout.ts';
import { assure } from './ground.ts';
import { CheckedRing, STARTS } from './rings.ts';
import type { Structure, Verdict } from './structure.ts';

const SOURCES = ['ring/lanes/copier.js', 'ring/lanes/inbox.js', 'ring/lanes/writer.js'];

/** Bytes that are reserved for each piece of a message; 0 for a piece that is empty. */
type Message = readonly number[];

/** What a slot holds of a piece: its position and its length. */
const REFERENCE = 8;

/** What a message's piece has in a word: no two words of a test are equal. */
function mark(message: number, piece: number, word: number): number {
  return 1 + word + 100 * piece + 10_000 * message;
}

/** Which of them are in flight, and how. */
interface Passage {
  readonly messages: readonly Message[];
  readonly slots: number;
  readonly slab: number;
  /** How many are there before anybody begins. @default 0 */
  readonly before?: number;
  /** How often the consumer takes some while the producer writes. @default 1 */
  readonly fetches?: number;
  /** How many it takes at a time. @default 1 */
  readonly limit?: number;
  /** How many are shown at a time. @default 1 */
  readonly publishEvery?: number;
  /** The first messages, which may be lost; all others must come. */
  readonly mayLose: number;
}

/** A ring that begins at a position, in the slab too. */
export function slabRing(
  context: TestContext,
  shape: {
    readonly slots: number;
    readonly slabBytes: number;
    readonly pieces: number;
    readonly lossy?: boolean;
    readonly shared?: boolean;
  },
  start: number,
): CheckedRing {
  const { slots, slabBytes, pieces, lossy = true, shared = false } = shape;
  const topology = shared ? ('mpmc' as const) : ('broadcast' as const);
  const stride = REFERENCE * Math.max(1, pieces);
  const ring = new CheckedRing(context, { topology, lossy, slots, slabBytes, stride }, start);
  const control = ring.plan.control(0);
  // Pieces begin at multiples of 8.
  ring.set(control + Lane.SLAB_TAIL, start & -8);
  ring.set(control + Lane.SLAB_INTENT, start & -8);
  return ring;
}

/** Writes one message; false when it found no room where the slab stood, and was taken back. */
export function pushOnce(
  core: RingCore,
  writer: LaneWriter,
  number: number,
  message: Message,
): boolean {
  const { words } = core;
  const slot = writer.claim() >>> 2;
  for (const [piece, length] of message.entries()) {
    const position = length === 0 ? 0 : writer.reserve(length);
    if (position < 0) {
      writer.abort();
      return false;
    }
    const at = (writer.base + (position & (writer.size - 1))) >>> 2;
    const used = usedBytes(length);
    for (let word = 0; word < used / 4; word++) words[at + word] = mark(number, piece, word);
    words[slot + 2 * piece] = position;
    words[slot + 2 * piece + 1] = used;
  }
  writer.commit(1);
  return true;
}

/** What is reserved may be more than a message uses: large pieces would only make long tests. */
function usedBytes(length: number): number {
  return length > 16 ? 8 : length;
}

/** As a producer: what found no room where the slab stood may find it at its beginning. */
export function push(core: RingCore, writer: LaneWriter, number: number, message: Message): void {
  if (pushOnce(core, writer, number, message)) return;
  assure(writer.startsOver, 'on a lossy ring there is nothing else to wait for');
  assure(pushOnce(core, writer, number, message), 'at the beginning of the slab there is room');
}

/** The copier of messages with so many pieces. */
export function copierOf(core: RingCore, pieces: number): LaneCopier {
  const fields = Array.from({ length: pieces }, (_, piece) => {
    return { offset: REFERENCE * piece, presence: -1, bit: 0 };
  });
  return new LaneCopier(core, 0, 0, fields);
}

/** Looks at a copy that counts: gives its number, after it was found whole. */
export function numberOf(
  core: RingCore,
  copier: LaneCopier,
  index: number,
  messages: readonly Message[],
): number {
  const { words } = core;
  const slot = copier.inbox.slot(copier.first + index) >>> 2;
  let number = -1;
  for (let piece = 0; piece < messages[0]!.length; piece++) {
    const length = words[slot + 2 * piece + 1]!;
    if (length === 0) continue;
    const at = (copier.inbox.base + words[slot + 2 * piece]!) >>> 2;
    if (number < 0) number = Math.floor(words[at]! / 10_000);
    assure(length === usedBytes(messages[number]?.[piece] ?? 0), 'a piece is as long as it was');
    for (let word = 0; word < length / 4; word++) {
      assure(words[at + word] === mark(number, piece, word), 'a piece is that of its message');
    }
  }
  return number;
}

/** How many messages the first cursor has passed over. */
export function lostOf(ring: CheckedRing): number {
  return ring.words[(ring.plan.cursor(0, 0) + Cursor.LOST) >>> 2]!;
}

/** A consumer of such a ring, and what it has found. */
class Taker {
  readonly numbers: number[] = [];
  readonly #core: RingCore;
  readonly #passage: Passage;
  readonly #start: number;
  #copier: LaneCopier | undefined;

  constructor(core: RingCore, passage: Passage, start: number) {
    this.#core = core;
    this.#passage = passage;
    this.#start = start;
  }

  /** Takes messages once; false when there is none. */
  take(): boolean {
    const { messages, limit = 1 } = this.#passage;
    this.#copier ??= copierOf(this.#core, messages[0]!.length);
    const count = this.#copier.fetch(limit);
    for (let index = 0; index < count; index++) {
      const position = (this.#copier.head - count + index - this.#start) | 0;
      const number = numberOf(this.#core, this.#copier, index, messages);
      assure(number === position, `it is the message of its position, ${position}`);
      this.numbers.push(number);
    }
    return count > 0;
  }

  /** Takes all that is left when the producer is done, and looks at what came altogether. */
  conclude(ring: CheckedRing): void {
    const { messages, mayLose } = this.#passage;
    while (this.take());
    const all = this.numbers.length + lostOf(ring);
    assure(all === messages.length, 'what does not come counts as lost');
    for (let number = mayLose; number < messages.length; number++) {
      assure(this.numbers.includes(number), `message ${number} was not overwritten`);
    }
  }
}

/** A producer overtakes a consumer in the slab. */
function overtaking(passage: Passage, starts: readonly number[] = [0]) {
  return (context: TestContext): void => {
    const { messages, slots, slab, before = 0, fetches = 1, publishEvery = 1 } = passage;
    const start = starts[context.choose(starts.length)]!;
    const pieces = messages[0]!.length;
    const ring = slabRing(context, { slots, slabBytes: slab, pieces }, start);
    const core = ring.core();
    const writer = new LaneWriter(core, 0, publishEvery);
    for (let number = 0; number < before; number++) push(core, writer, number, messages[number]!);
    context.thread('producer', () => {
      for (let number = before; number < messages.length; number++) {
        push(core, writer, number, messages[number]!);
      }
      writer.publish();
    });
    const taker = new Taker(ring.core(), passage, start);
    context.thread('consumer', () => {
      for (let fetch = 0; fetch < fetches; fetch++) taker.take();
    });
    context.after(() => taker.conclude(ring));
  };
}

/** Two consumers share what the producer overwrites: each message is taken once, or lost once. */
function sharedOvertaking(passage: Passage) {
  return (context: TestContext): void => {
    const { messages, slots, slab } = passage;
    const pieces = messages[0]!.length;
    const ring = slabRing(context, { slots, slabBytes: slab, pieces, shared: true }, 0);
    const core = ring.core();
    const writer = new LaneWriter(core, 0, 1);
    push(core, writer, 0, messages[0]!);
    const threads = ['first', 'second'].map((name) => {
      const other = ring.core();
      return context.thread(name, () => {
        const copier = copierOf(other, pieces);
        const count = copier.fetch(1);
        return count === 0 ? [] : [numberOf(other, copier, 0, messages)];
      });
    });
    context.thread('producer', () => {
      for (let number = 1; number < messages.length; number++) {
        push(core, writer, number, messages[number]!);
      }
    });
    context.after(() => {
      const head = ring.words[ring.plan.cursor(0, 0) >>> 2]!;
      const all = threads.flatMap(({ result }) => result);
      assure(new Set(all).size === all.length, 'a message is taken by one of them');
      assure(all.length + lostOf(ring) === head, 'what is passed over is counted as lost, once');
    });
  };
}

/** What two consumers have lost at the same time is counted, of both. */
function losing(context: TestContext): void {
  const shape = { topology: 'mpmc', lossy: true, slots: 1 } as const;
  const ring = new CheckedRing(context, shape);
  const core = ring.core();
  const writer = new LaneWriter(core, 0, 1);
  const push = (): void => {
    writer.claim();
    writer.commit(1);
  };
  push();
  push();
  const threads = [false, true].map((isPushing, index) => {
    const other = ring.core();
    return context.thread(`consumer ${index}`, () => {
      if (isPushing) {
        push();
        push();
      }
      return copierOf(other, 0).fetch(1);
    });
  });
  context.after(() => {
    const taken = threads.reduce((sum, { result }) => sum + result, 0);
    const head = ring.words[ring.plan.cursor(0, 0) >>> 2]!;
    assure(taken + lostOf(ring) === head, 'what is passed over is counted as lost');
  });
}

/** A producer ended before it showed what it wrote; the next one begins where it left. */
function succeeding(unpublished: readonly Message[], passage: Passage) {
  return (context: TestContext): void => {
    const { messages, slots, slab } = passage;
    const ring = slabRing(context, { slots, slabBytes: slab, pieces: messages[0]!.length }, 0);
    const first = ring.core();
    const second = ring.core();
    const dead = new LaneWriter(first, 0, slots);
    push(first, dead, 0, messages[0]!);
    dead.publish();
    context.thread('producers', () => {
      for (const message of unpublished) push(first, dead, 1000, message);
      const writer = new LaneWriter(second, 0, 1);
      for (let number = 1; number < messages.length; number++) {
        push(second, writer, number, messages[number]!);
      }
    });
    const taker = new Taker(ring.core(), passage, 0);
    context.thread('consumer', () => void taker.take());
    context.after(() => taker.conclude(ring));
  };
}

const NO_FENCE: Verdict = {
  fails: 'error',
  because: 'ECMAScript has no fence, so that its text allows the second look to be taken first',
};

/** The smallest: a piece is the whole slab, so that the next one overwrites it. */
const WHOLE: Passage = { messages: [[8], [8]], before: 1, slots: 2, slab: 8, mayLose: 1 };

/** Three of which two fit. */
const THREE: Passage = { messages: [[8], [8], [8]], before: 2, slots: 4, slab: 16, mayLose: 1 };

/** Four of which two fit. */
const FOUR: Passage = { ...THREE, messages: [[8], [8], [8], [8]], mayLose: 2 };

const ALL = ['sc', 'x86-tso', 'v8-x64', 'v8-arm64'] as const;
const STRONG = ['sc', 'x86-tso', 'v8-x64'] as const;

/** Everything about pieces that are overtaken. */
export const overtakingPieces: readonly Structure[] = [
  {
    name: 'a lossy slab: a piece is overwritten while its slot is not',
    covers: SOURCES,
    models: ALL,
    named: 'holds',
    races: 'allow',
    body: overtaking(WHOLE),
  },
  {
    name: 'a lossy slab, by the text of ECMAScript alone',
    covers: [],
    models: ['es'],
    verdict: NO_FENCE,
    races: 'allow',
    body: overtaking(WHOLE),
  },
  {
    name: 'a lossy slab: a consumer takes one message after the other',
    covers: SOURCES,
    models: STRONG,
    races: 'allow',
    body: overtaking({ ...WHOLE, before: 0, fetches: 2 }),
  },
  {
    name: 'a lossy slab: positions wrap at 31 and 32 bits',
    covers: SOURCES,
    models: STRONG,
    races: 'allow',
    body: overtaking(THREE, STARTS),
  },
  {
    name: 'a lossy slab: of messages that are taken together the first is overwritten',
    covers: SOURCES,
    models: ALL,
    named: 'holds',
    races: 'allow',
    body: overtaking({ ...THREE, limit: 2 }),
  },
  {
    name: 'a lossy slab: copies that have no room together',
    covers: SOURCES,
    models: STRONG,
    races: 'allow',
    body: overtaking({
      messages: [[8], [8], [8]],
      before: 2,
      slots: 4,
      slab: 8,
      limit: 2,
      mayLose: 2,
    }),
  },
  {
    name: 'a lossy slab: messages with two pieces, some of them empty',
    covers: SOURCES,
    models: ALL,
    named: 'holds',
    races: 'allow',
    body: overtaking({
      messages: [
        [8, 8],
        [0, 8],
      ],
      before: 1,
      slots: 2,
      slab: 16,
      mayLose: 1,
    }),
  },
  {
    name: 'a lossy slab: a reference of two halves is no lie',
    covers: SOURCES,
    models: STRONG,
    named: 'holds',
    races: 'allow',
    body: overtaking({ messages: [[8], [8], [16]], before: 2, slots: 1, slab: 16, mayLose: 2 }),
  },
  {
    name: 'a lossy slab: fewer are taken together than before',
    covers: SOURCES,
    models: STRONG,
    races: 'allow',
    body: overtaking({ ...FOUR, fetches: 2, limit: 2 }),
  },
  {
    name: 'a lossy lane: more is overwritten than is being taken',
    covers: SOURCES,
    models: STRONG,
    races: 'allow',
    body: overtaking({ ...THREE, before: 1, slots: 1, slab: 32, mayLose: 2 }),
  },
  {
    name: 'a lossy lane that is shared: two lose messages at a time',
    covers: SOURCES,
    models: ['sc'],
    races: 'allow',
    body: losing,
  },
  {
    name: 'a lossy slab: messages are shown together',
    covers: SOURCES,
    models: STRONG,
    races: 'allow',
    body: overtaking({ ...FOUR, slots: 2, publishEvery: 2, limit: 2 }),
  },
  {
    name: 'a lossy slab: a sixteenth of it is given up at a time',
    covers: SOURCES,
    models: STRONG,
    named: 'holds',
    races: 'allow',
    body: overtaking({
      messages: [[8], [224], [8], [8], [8]],
      before: 2,
      slots: 8,
      slab: 256,
      mayLose: 1,
    }),
  },
  {
    name: 'a lossy slab that two consumers share',
    covers: SOURCES,
    models: ['sc', 'x86-tso'],
    races: 'allow',
    body: sharedOvertaking(WHOLE),
  },
  {
    name: 'a lossy slab: a producer ended in a message, and another one came',
    covers: SOURCES,
    models: ALL,
    named: 'holds',
    races: 'allow',
    body: succeeding([[8]], { messages: [[8], [8]], slots: 4, slab: 8, mayLose: 1 }),
  },
  {
    name: 'a lossy slab: a producer ended after more than a slab, and another one came',
    covers: SOURCES,
    models: ALL,
    named: 'holds',
    races: 'allow',
    body: succeeding([[8], [8], [8]], { messages: [[8], [8]], slots: 4, slab: 16, mayLose: 1 }),
  },
];
