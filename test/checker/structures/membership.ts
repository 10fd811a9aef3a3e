/** Roles of a ring: who has them, who gives them up, and what becomes of those of the dead. */
import type { TestContext } from '../../../src/checker/check/index.ts';
import { GatedHeads } from '../../../src/ring/lanes/heads.ts';
import { Block } from '../../../src/ring/layout.ts';
import { ASKING, ownerWord } from '../../../src/ring/segment/layout.ts';
import { ownIdentity } from '../../../src/ring/segment/identity.ts';
import { Participants } from '../../../src/ring/segment/participants.ts';
import { assure } from './ground.ts';
import { CheckedSegment, machineOf } from './segments.ts';
import { QUICK, type Structure } from './structure.ts';

const SOURCES = ['ring/segment/membership.js', 'ring/segment/participants.js'];

/** Takes a lane; -1 when all are taken. */
function takeLane(segment: CheckedSegment, member: number): number {
  try {
    return segment.members[member]!.takeLane(segment.ring);
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_RING_ROLE_TAKEN') return -1;
    throw error;
  }
}

/** Several want a lane: each lane has one producer. */
function wanting(lanes: number, members: number) {
  return (context: TestContext): void => {
    const topology = lanes === 1 ? 'spsc' : 'mpsc';
    const segment = new CheckedSegment(context, { topology, lanes }, members);
    const threads = Array.from({ length: members }, (_, member) =>
      context.thread(`member ${member}`, () => takeLane(segment, member)),
    );
    context.after(() => {
      const taken = threads.map(({ result }) => result).filter((lane) => lane >= 0);
      assure(taken.length === Math.min(lanes, members), 'no lane stays free that is wanted');
      assure(new Set(taken).size === taken.length, 'a lane has one producer');
      for (const [member, { result }] of threads.entries()) {
        if (result < 0) continue;
        assure(segment.members[member]!.holds(segment.ring, 'lane', result), 'who is named there');
      }
    });
  };
}

/** A lane goes from one to another. */
function handing(context: TestContext): void {
  const segment = new CheckedSegment(context, {}, 2);
  assure(takeLane(segment, 0) === 0, 'it is free');
  context.thread('leaver', () => segment.members[0]!.giveUp(segment.ring, 'lane', 0));
  const heir = context.thread('heir', () => takeLane(segment, 1));
  context.after(() => {
    assure(!segment.members[0]!.holds(segment.ring, 'lane', 0), 'who gave it up has it no more');
    const isHeir = segment.members[1]!.holds(segment.ring, 'lane', 0);
    assure(isHeir === (heir.result === 0), 'the other has it if it says so');
  });
}

/** Who gives a lane up twice leaves its heir alone. */
function givingUpTwice(context: TestContext): void {
  const segment = new CheckedSegment(context, {}, 2);
  assure(takeLane(segment, 0) === 0, 'it is free');
  context.thread('leaver', () => {
    segment.members[0]!.giveUp(segment.ring, 'lane', 0);
    segment.members[0]!.giveUp(segment.ring, 'lane', 0);
  });
  const heir = context.thread('heir', () => takeLane(segment, 1));
  context.after(() => {
    const isHeir = segment.members[1]!.holds(segment.ring, 'lane', 0);
    assure(isHeir === (heir.result === 0), 'the heir keeps it');
  });
}

/** Two join at the same time: each has an entry of its own. */
function joining(context: TestContext): void {
  const segment = new CheckedSegment(context, {}, 1);
  const threads = [1, 2].map((id) =>
    context.thread(`participant ${id}`, () => {
      const proc = machineOf(100 + id);
      const participants = new Participants(segment.segment, proc);
      const own = participants.join(ownIdentity(false, proc), 100 + id, '')!;
      assure(participants.state(own.index) === own.state, 'it is live');
      return own.index;
    }),
  );
  context.after(() => {
    const taken = new Set([0, threads[0]!.result, threads[1]!.result]);
    assure(taken.size === 3, 'nobody shares an entry');
    const participants = new Participants(segment.segment, machineOf(0));
    assure(participants.live().length === 3, 'all are there');
  });
}

/** A consumer leaves while a producer lets it in: it is gone. */
function leavingAtTheDoor(context: TestContext): void {
  const shape = { topology: 'broadcast', places: 1 } as const;
  const segment = new CheckedSegment(context, shape, 2);
  assure(segment.members[0]!.takePlace(segment.ring, true) === 0, 'it is free');
  const core = segment.core();
  context.thread('leaver', () => segment.members[0]!.giveUp(segment.ring, 'place', 0));
  context.thread('producer', () => new GatedHeads(core).admit(7));
  context.after(() => assure(segment.word(Block.CONSUMER_OWNERS) === 0, 'the place is free'));
}

/** What a dead participant had is taken from it once, by whoever looks. */
function inheriting(asking: boolean) {
  return (context: TestContext): void => {
    const topology = asking ? ('broadcast' as const) : ('spsc' as const);
    const segment = new CheckedSegment(context, { topology }, 3, 1);
    // As if it had taken it before it died: to itself all others would be dead.
    const owner = ownerWord(segment.members[2]!.index, 0);
    if (asking) segment.set(Block.CONSUMER_OWNERS, owner | ASKING);
    else segment.set(Block.LANE_OWNERS, owner);
    const core = segment.core();
    const threads = [0, 1].map((member) =>
      context.thread(`heir ${member}`, () => {
        if (!asking) return takeLane(segment, member);
        if (member === 0) return segment.members[0]!.clearUp();
        new GatedHeads(core).admit(7);
        return -1;
      }),
    );
    context.after(() => {
      if (asking) {
        assure(segment.word(Block.CONSUMER_OWNERS) === 0, 'the place is free');
        assure(threads[0]!.result === 1, 'one entry was freed');
        return;
      }
      const heirs = threads.filter(({ result }) => result === 0);
      assure(heirs.length === 1, 'the lane has one heir');
      const participants = new Participants(segment.segment, machineOf(0));
      assure(participants.taken(-1) === 2, 'the dead one is no participant any more');
    });
  };
}

/** Two clear up what the same dead one left: its entry is freed once. */
function burying(context: TestContext): void {
  const segment = new CheckedSegment(context, {}, 3, 1);
  const threads = [0, 1].map((member) =>
    context.thread(`member ${member}`, () => segment.members[member]!.clearUp()),
  );
  context.after(() => {
    assure(threads[0]!.result + threads[1]!.result === 1, 'one of them has freed it');
  });
}

/** Everything about membership. */
export const membership: readonly Structure[] = [
  {
    name: 'a lane is taken by one of two',
    covers: SOURCES,
    models: QUICK,
    named: 'holds',
    body: wanting(1, 2),
  },
  {
    name: 'two lanes are taken by two',
    covers: SOURCES,
    models: QUICK,
    named: 'holds',
    body: wanting(2, 2),
  },
  { name: 'a lane goes from one to another', covers: SOURCES, models: QUICK, body: handing },
  {
    name: 'who gives a lane up twice leaves its heir alone',
    covers: SOURCES,
    models: QUICK,
    body: givingUpTwice,
  },
  {
    name: 'two join: each has an entry of its own',
    covers: SOURCES,
    models: ['sc'],
    named: 'holds',
    body: joining,
  },
  {
    name: 'a consumer that leaves while it is let in is gone',
    covers: [...SOURCES, 'ring/lanes/heads.js'],
    models: QUICK,
    named: 'holds',
    body: leavingAtTheDoor,
  },
  {
    name: 'the lane of a dead producer has one heir',
    covers: SOURCES,
    models: ['sc'],
    // An entry is copied and the copy judged by a second look at its state.
    races: 'allow',
    body: inheriting(false),
  },
  {
    name: 'a dead consumer that is being let in is gone',
    covers: SOURCES,
    models: ['sc'],
    // An entry is copied and the copy judged by a second look at its state.
    races: 'allow',
    body: inheriting(true),
  },
  {
    name: 'a dead participant is buried once',
    covers: SOURCES,
    models: QUICK,
    named: 'holds',
    races: 'allow',
    body: burying,
  },
];
