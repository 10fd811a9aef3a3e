import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, test, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Block, Lane, LaneState } from '../layout.ts';
import { segmentOf, specOf } from './fixture.test.helper.ts';
import { ownIdentity, readIdentity, type Identity } from './identity.ts';
import {
  ASKING,
  generationOf,
  ownerWord,
  Participant,
  PARTICIPANTS,
  ParticipantState,
  stateOf,
  stateWord,
} from './layout.ts';
import { Membership } from './membership.ts';
import { ownerOffset, Participants } from './participants.ts';
import type { RingSegment } from './segment.ts';

// Watches do not keep a process alive.
const keepsAlive = setInterval(() => {}, 1000);
after(() => clearInterval(keepsAlive));

const nobody: Identity = { ...ownIdentity(false), pid: 4_194_303, startTime: 1n };

/** Somebody else, who lives until killed. */
async function somebody(t: TestContext): Promise<{ child: ChildProcess; identity: Identity }> {
  const child = spawn('sleep', ['60']);
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  return { child, identity: readIdentity(child.pid!)! };
}

/** Puts somebody into the table, and into a role. */
function seat(
  segment: RingSegment,
  identity: Identity,
  role: 'lane' | 'place' = 'lane',
  index: number = 0,
): number {
  const participants = new Participants(segment);
  const entry = participants.join(identity, identity.pid, 'them "\u001b[31m"')!.index;
  const owner = ownerWord(entry, generationOf(participants.state(entry)));
  segment.arena.words[ownerOffset(segment.rings[0]!, role, index) >>> 2] = owner;
  return entry;
}

test('Membership takes roles, shows them and gives them up', () => {
  const segment = segmentOf([specOf({ topology: 'mpmc', lanes: 2, places: 2 })]);
  const [ring] = segment.rings;
  const one = Membership.of(segment, 'one');
  assert.equal(Membership.of(segment), one);
  assert.equal(one.index, -1);
  assert.equal(one.takeLane(ring!), 0);
  const two = new Membership(segment, 'two');
  assert.equal(two.takeLane(ring!), 1);
  assert.equal(two.takePlace(ring!, true), 0);
  const shown = { pid: process.pid, tid: 0, language: 'TypeScript', alive: true };
  assert.deepEqual(two.present(ring!, 'lane', 0), { ...shown, label: 'one', asking: false });
  assert.deepEqual(one.present(ring!, 'place', 0), { ...shown, label: 'two', asking: true });
  assert.equal(one.present(ring!, 'place', 1), undefined);
  assert.equal(one.holds(ring!, 'lane', 0), true);
  assert.equal(one.holds(ring!, 'lane', 1), false);
  one.giveUp(ring!, 'lane', 1);
  assert.equal(two.holds(ring!, 'lane', 1), true, 'it is not the other’s to give up');
  two.giveUp(ring!, 'lane', 1);
  assert.equal(one.present(ring!, 'lane', 1), undefined);
  two.leave();
  two.leave();
  assert.equal(one.present(ring!, 'place', 0), undefined);
  assert.equal(one.clearUp(), 0);
  assert.equal(two.takeLane(ring!), 1, 'who has left may join again');
  one.leave();
  two.leave();
});

test('Membership gives up a place that a producer let in meanwhile', () => {
  const segment = segmentOf([specOf({ topology: 'broadcast', places: 2 })]);
  const [ring] = segment.rings;
  const member = new Membership(segment);
  const place = member.takePlace(ring!, true);
  const word = ownerOffset(ring!, 'place', place) >>> 2;
  segment.arena.words[word]! &= ~ASKING;
  assert.equal(member.holds(ring!, 'place', place), true);
  member.giveUp(ring!, 'place', place);
  assert.equal(segment.arena.words[word], 0);
  member.leave();
});

test('Membership.takeLane names who has all lanes, and takes the lanes of the dead', async (t) => {
  const segment = segmentOf();
  const [ring] = segment.rings;
  const { child, identity } = await somebody(t);
  seat(segment, identity);
  const member = new Membership(segment);
  const refusal = { code: 'ERR_RING_ROLE_TAKEN' };
  assert.throws(() => member.takeLane(ring!), {
    ...refusal,
    message: new RegExp(`pid ${child.pid} \\(TypeScript\\) "them \\\\"\\\\u001b\\[31m\\\\"";`),
  });
  child.kill('SIGSTOP');
  assert.throws(() => member.takeLane(ring!), refusal);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(member.present(ring!, 'lane', 0)?.alive, false);
  assert.equal(member.takeLane(ring!), 0);
  assert.equal(member.clearUp(), 0);
  member.leave();
});

test('Membership clears away who says of itself what nobody is', () => {
  for (const pid of [0, 2 ** 31, 2 ** 32 - 1]) {
    const segment = segmentOf();
    const [ring] = segment.rings;
    const member = new Membership(segment);
    member.join();
    seat(segment, { ...nobody, pid });
    // Watching and blocking threads, before it is cleared away.
    member.watch(() => {})();
    member.lookForDeaths();
    assert.equal(member.present(ring!, 'lane', 0), undefined);
    member.leave();
  }
});

test('Membership.takeLane takes lanes of words that name nobody', () => {
  const segment = segmentOf();
  const [ring] = segment.rings;
  const member = new Membership(segment);
  // No entry; a free one; an earlier owner of one.
  for (const owner of [200, ownerWord(9, 0), ownerWord(0, 77)]) {
    segment.arena.words[ownerOffset(ring!, 'lane', 0) >>> 2] = owner;
    assert.equal(member.takeLane(ring!), 0);
    member.giveUp(ring!, 'lane', 0);
  }
  member.leave();
});

test('Membership.takeLane prefers lanes left open, then unused ones, then closed ones', () => {
  const segment = segmentOf([specOf({ topology: 'mpsc', lanes: 4 })]);
  const [ring] = segment.rings;
  const { words } = segment.arena;
  const states = [LaneState.CLOSED, LaneState.UNUSED, LaneState.OPEN, LaneState.CLOSED];
  for (const [lane, state] of states.entries()) {
    words[(ring!.base + ring!.plan.control(lane) + Lane.STATE) >>> 2] = state;
  }
  const member = new Membership(segment);
  const taken = states.map(() => member.takeLane(ring!));
  assert.deepEqual(taken, [2, 1, 0, 3]);
  assert.throws(() => member.takeLane(ring!), { code: 'ERR_RING_ROLE_TAKEN' });
  member.leave();
});

test('Membership.clearUp frees the dead with all they had, and rings every bell', () => {
  const segment = segmentOf([
    specOf({ topology: 'mpmc', lanes: 3, places: 3 }),
    specOf({ topology: 'spsc' }),
  ]);
  const { words } = segment.arena;
  const entry = seat(segment, nobody, 'lane', 2);
  const participants = new Participants(segment);
  const owner = words[ownerOffset(segment.rings[0]!, 'lane', 2) >>> 2]!;
  words[ownerOffset(segment.rings[0]!, 'place', 1) >>> 2] = owner | ASKING;
  words[ownerOffset(segment.rings[1]!, 'place', 0) >>> 2] = owner;
  const bells = segment.rings.flatMap(({ base }) => [
    (base + Block.CONSUMERS_BELL) >>> 2,
    (base + Block.PRODUCERS_BELL) >>> 2,
  ]);
  for (const bell of bells) words[bell] = 1;
  const before = participants.state(entry);
  const member = new Membership(segment);
  assert.equal(member.clearUp(), 1);
  assert.equal(member.clearUp(), 0);
  const after = participants.state(entry);
  assert.equal(after, stateWord(ParticipantState.FREE, generationOf(before) + 1, 0));
  for (const ring of segment.rings) {
    for (const role of ['lane', 'place'] as const) {
      const { lanes, places } = ring.plan.shape;
      for (let index = 0; index < (role === 'lane' ? lanes : places); index++) {
        assert.equal(member.present(ring, role, index), undefined);
      }
    }
  }
  // Rung: nobody is asleep any more.
  assert.ok(bells.every((bell) => words[bell] !== 1 && (words[bell]! & 1) === 0));
});

test('Membership.clearUp frees who died while joining, and not who still does', async (t) => {
  const segment = segmentOf();
  const { words } = segment.arena;
  const word = (index: number): number =>
    (segment.offset + PARTICIPANTS + index * Participant.SIZE) >>> 2;
  const { child, identity } = await somebody(t);
  words[word(0)] = stateWord(ParticipantState.JOINING, 255, identity.pid);
  words[word(1)] = stateWord(ParticipantState.JOINING, 5, 4_194_303);
  const member = new Membership(segment);
  assert.equal(member.clearUp(), 1);
  assert.equal(words[word(1)], stateWord(ParticipantState.FREE, 6, 0));
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(member.clearUp(), 1);
  assert.equal(words[word(0)], stateWord(ParticipantState.FREE, 0, 0), 'generations wrap');
});

test('Membership.clearUp frees owner words that name nobody', () => {
  const segment = segmentOf([specOf({ topology: 'mpsc', lanes: 4 })]);
  const [ring] = segment.rings;
  const { words } = segment.arena;
  const member = new Membership(segment);
  member.takeLane(ring!);
  const lies = [ownerWord(63, 7), 0xffff_ffff | 0, 200];
  for (const [index, lie] of lies.entries()) {
    words[ownerOffset(ring!, 'lane', index + 1) >>> 2] = lie;
  }
  assert.deepEqual(member.present(ring!, 'lane', 2), {
    pid: 0,
    tid: 0,
    language: 'unknown',
    label: '',
    alive: false,
    asking: true,
  });
  assert.equal(member.clearUp(), 0);
  assert.equal(member.holds(ring!, 'lane', 0), true);
  assert.deepEqual(
    [1, 2, 3].map(() => member.takeLane(ring!)),
    [1, 2, 3],
  );
  member.leave();
});

test('Membership says when the table is full, and with whom', () => {
  const segment = segmentOf();
  const [ring] = segment.rings;
  const members = Array.from(
    { length: 64 },
    (_, i) => new Participants(segment).join(ownIdentity(false), process.pid, `member ${i}`)?.index,
  );
  assert.deepEqual(
    members,
    Array.from({ length: 64 }, (_, i) => i),
  );
  const member = new Membership(segment);
  assert.throws(() => member.takeLane(ring!), {
    code: 'ERR_RING_PARTICIPANTS',
    message: /"member 0".*"member 63"$/,
  });
});

test('Participants keep labels that fit, whole characters of others, and read no other’s', () => {
  const segment = segmentOf();
  const participants = new Participants(segment);
  const entry = participants.join(ownIdentity(false), process.pid, `${'x'.repeat(62)}é`)!.index;
  assert.equal(participants.read(entry)?.label, 'x'.repeat(62));
  const { bytes, offset } = { bytes: segment.arena.bytes, offset: segment.offset };
  const at = offset + PARTICIPANTS + entry * Participant.SIZE;
  bytes.fill(0xff, at + Participant.LABEL, at + Participant.SIZE);
  bytes.fill(0xff, at + Participant.LANGUAGE, at + Participant.START);
  assert.equal(participants.read(entry)?.label, '\ufffd'.repeat(64));
  assert.equal(participants.read(entry)?.language, 'unknown');
});

test('Membership.watch tells of the death of another process', async (t) => {
  const segment = segmentOf();
  const [ring] = segment.rings;
  const member = new Membership(segment);
  member.takePlace(ring!, false);
  const { child, identity } = await somebody(t);
  let calls = 0;
  const told = new Promise<void>((resolve) => {
    member.watch(() => {
      calls += 1;
      resolve();
    });
  });
  const entry = seat(segment, identity);
  member.refresh();
  child.kill('SIGKILL');
  await told;
  assert.equal(member.present(ring!, 'lane', 0), undefined);
  assert.equal(stateOf(new Participants(segment).state(entry)), ParticipantState.FREE);
  assert.equal(calls, 1);
  member.leave();
});

test('Membership.watch tells of who died before it looked, until it is ended', async (t) => {
  const segment = segmentOf();
  const member = new Membership(segment);
  const { child, identity } = await somebody(t);
  seat(segment, identity);
  child.kill('SIGKILL');
  await once(child, 'exit');
  let other = 0;
  const end = member.watch(() => (other += 1));
  end();
  end();
  await new Promise<void>((resolve) => member.watch(resolve));
  assert.equal(other, 0);
  member.leave();
});

test('Membership.watch tells of the end of a thread', async () => {
  const segment = segmentOf([specOf({ topology: 'mpsc', lanes: 2 })]);
  const worker = new Worker(new URL('./membership.test.worker.js', import.meta.url), {
    workerData: { memory: segment.arena.memory, offset: segment.offset, bytes: segment.bytes },
  });
  await once(worker, 'message');
  const member = Membership.of(segment);
  const [ring] = segment.rings;
  const seen = member.present(ring!, 'lane', 0);
  assert.equal(seen?.pid, process.pid);
  assert.notEqual(seen.tid, 0);
  assert.equal(seen.alive, true);
  const told = new Promise<void>((resolve) => member.watch(resolve));
  await worker.terminate();
  await told;
  assert.equal(member.present(ring!, 'lane', 0), undefined);
  member.leave();
});

test('Membership leaves when its thread ends by itself', async () => {
  const segment = segmentOf([specOf({ topology: 'mpsc', lanes: 2 })]);
  const { offset, bytes, arena } = segment;
  const worker = new Worker(new URL('./membership.test.worker.js', import.meta.url), {
    workerData: { memory: arena.memory, offset, bytes, ends: true },
  });
  await once(worker, 'exit');
  const member = new Membership(segment);
  assert.equal(member.present(segment.rings[0]!, 'lane', 0), undefined);
  assert.equal(stateOf(new Participants(segment).state(0)), ParticipantState.FREE);
  assert.equal(member.clearUp(), 0);
  assert.equal(member.others(), 0);
});

test('Participants.clearUp by several threads at once frees each of the dead once', async () => {
  const segment = segmentOf([specOf({ topology: 'mpmc', lanes: 64, places: 64 })]);
  const workers = Array.from({ length: 2 }, () => {
    return new Worker(new URL('./membership.test.worker.js', import.meta.url), {
      workerData: {
        memory: segment.arena.memory,
        offset: segment.offset,
        bytes: segment.bytes,
        clears: true,
      },
    });
  });
  const counts = workers.map((worker) => once(worker, 'message'));
  const participants = new Participants(segment);
  let freed = 0;
  let died = 0;
  for (let round = 0; round < 200; round++) {
    // Roles first come with the entry: whoever is freed has lost them before.
    for (let i = 0; i < 8; i++) {
      const entry = participants.join(nobody, process.pid, '')?.index ?? -1;
      if (entry !== -1) died += 1;
    }
    freed += participants.clearUp(-1);
  }
  for (const worker of workers) worker.postMessage('enough');
  for (const [count] of await Promise.all(counts)) freed += count as number;
  freed += participants.clearUp(-1);
  assert.equal(freed, died);
  const states = Array.from({ length: 64 }, (_, index) => participants.state(index));
  assert.ok(states.every((state) => stateOf(state) === ParticipantState.FREE));
  const generations = states.reduce((sum, state) => sum + generationOf(state), 0);
  assert.equal(generations % 256, died % 256);
});
