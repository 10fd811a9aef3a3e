/** Segments with participants, whose processes live or are dead as a test says. */
import { createHash } from 'node:crypto';
import type { TestContext } from '../../../src/checker/check/index.ts';
import { struct, type StructType, u32 } from '../../../src/memory/index.ts';
import type { Arena } from '../../../src/memory/index.ts';
import { Consumer } from '../../../src/ring/consumer.ts';
import { RingCore } from '../../../src/ring/core.ts';
import type { RingShape } from '../../../src/ring/layout.ts';
import { Producer } from '../../../src/ring/producer.ts';
import { Proc } from '../../../src/ring/segment/identity.ts';
import { Participant, PARTICIPANTS } from '../../../src/ring/segment/layout.ts';
import { Membership } from '../../../src/ring/segment/membership.ts';
import { RingSegment, type RingSpec, segmentBytes } from '../../../src/ring/segment/segment.ts';
import { Ground } from './ground.ts';

/** What goes through the rings of these tests. */
export const Message: StructType<{ value: number; check: number }, never> = struct('t.Message', {
  value: u32,
  check: u32,
});

/** When the process of all participants began. */
const STARTED = 5;

/** The machine as a thread sees it: what /proc says. */
export function machineOf(thread: number): Proc {
  const fields = ['S', ...Array.from({ length: 16 }, () => '0'), '1', '0', String(STARTED)];
  return new Proc({
    read: (path) =>
      path.endsWith('boot_id') ? 'b'.repeat(32) : `${process.pid} (node) ${fields.join(' ')}`,
    link: (path) => {
      if (path.endsWith('/ns/pid')) return 'pid:[4026531836]';
      return path.endsWith('thread-self') ? `1/task/${thread}` : String(process.pid);
    },
  });
}

/** Joins; at the exit of the thread there is no test whose memory could be left. */
function joinForGood(membership: Membership): void {
  const before = process.listeners('exit');
  membership.join();
  for (const listener of process.listeners('exit')) {
    if (!before.includes(listener)) process.off('exit', listener);
  }
}

/** Made once for each memory: making one takes much longer than a run of a test. */
interface Made {
  readonly segment: RingSegment;
  readonly members: readonly Membership[];
  /** Words that are not 0, with their values. */
  readonly words: readonly (readonly [number, number])[];
}

const made = new WeakMap<object, Map<string, Made>>();

/** A ring of messages; one for one, with one slot, unless `shape` says otherwise. */
export function specOf(
  shape: Partial<RingShape>,
  type: { readonly name: string; readonly layout: string } = Message,
): RingSpec {
  return {
    shape: {
      topology: 'spsc',
      lossy: false,
      inProcess: true,
      lanes: 1,
      places: 1,
      slots: 1,
      stride: 8,
      slabBytes: 0,
      ...shape,
    },
    schema: {
      name: type.name,
      layout: type.layout,
      fingerprint: createHash('sha256').update(type.layout).digest().readBigUInt64LE(0),
    },
  };
}

/** A segment with one ring, and participants that have joined it. */
export class CheckedSegment {
  readonly ground: Ground;
  readonly segment: RingSegment;
  readonly members: readonly Membership[];

  /** The last `dead` of `members` are dead. Producers and consumers are of `Message` alone. */
  constructor(
    context: TestContext,
    shape: Partial<RingShape>,
    members: number,
    dead: number = 0,
    type: { readonly name: string; readonly layout: string } = Message,
  ) {
    const spec = specOf(shape, type);
    const bytes = segmentBytes([spec]);
    this.ground = new Ground(context, bytes, 6);
    const arena = this.ground.arena();
    const all = made.get(this.ground.buffer) ?? new Map<string, Made>();
    made.set(this.ground.buffer, all);
    const key = JSON.stringify([spec.shape, members, dead, type.name]);
    let known = all.get(key);
    if (known === undefined) {
      known = this.#make(arena, bytes, spec, members, dead);
      all.set(key, known);
    } else {
      const { words } = this.ground;
      for (const [index, value] of known.words) words[index] = value;
    }
    this.segment = known.segment;
    this.members = known.members;
  }

  #make(arena: Arena, bytes: number, spec: RingSpec, members: number, dead: number): Made {
    const segment = RingSegment.format(arena, 0, bytes, { name: '', kind: 'ring' }, [spec]);
    const joined = Array.from({ length: members }, (_, index) => {
      const membership = new Membership(segment, `member ${index}`, machineOf(100 + index));
      joinForGood(membership);
      return membership;
    });
    for (const { index } of joined.slice(members - dead)) {
      // Its id has another process by now, which began later.
      const start = PARTICIPANTS + index * Participant.SIZE + Participant.START;
      this.ground.words[start / 4] = STARTED - 1;
    }
    const words: [number, number][] = [];
    for (let index = 0; index < bytes / 4; index++) {
      const value = this.ground.words[index]!;
      if (value !== 0) words.push([index, value]);
    }
    return { segment, members: joined, words };
  }

  get ring(): RingSegment['rings'][number] {
    return this.segment.rings[0]!;
  }

  /** The word at an offset of the ring's block, for `after` and set-ups. */
  word(offset: number): number {
    return this.ground.words[(this.ring.base + offset) >>> 2]!;
  }

  /** Sets a word of the ring's block, in a set-up. */
  set(offset: number, value: number): void {
    this.ground.words[(this.ring.base + offset) >>> 2] = value;
  }

  core(): RingCore {
    return new RingCore(this.segment.arena, this.ring, 'the ring');
  }

  /** The producing side, as a thread of this test makes it. */
  producer(member: number): Producer<{ value: number; check: number }, never> {
    return new Producer({
      core: this.core(),
      membership: this.members[member]!,
      type: Message,
      options: {
        publishEvery: 1,
        publishWithin: Infinity,
        whenFull: 'wait',
        spinMicroseconds: 0,
        awaitSuccessor: false,
      },
      onDetached: () => undefined,
    });
  }

  /** The consuming side. */
  consumer(member: number): Consumer<{ value: number; check: number }, never> {
    return new Consumer({
      core: this.core(),
      membership: this.members[member]!,
      type: Message,
      options: { releaseEvery: 1, spinMicroseconds: 0, awaitSuccessor: false },
      onDetached: () => undefined,
    });
  }
}
