import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compareExchange, loadAcquire, or } from '#atomics';
import fc from 'fast-check';
import type { Waker as Doorbell } from '../../driver/index.ts';
import { Arena } from '../../memory/index.ts';
import { ARGUMENT_MAX, FULL, Header, PARITY_SHIFT } from './inbox-layout.ts';
import { Inbox, resolveInboxOptions, type InboxOptions, type RemoteTarget } from './inbox.ts';
import { postToInbox, wakeRemote, type RemoteWaker } from './remote-waker.ts';

const MIB = 1024 * 1024;

class Target implements RemoteTarget {
  woken = 0;
  wokenRemotely(): void {
    this.woken += 1;
  }
}

class Ground {
  readonly arena = Arena.create({ size: 8 * MIB });
  readonly doorbell: Doorbell = { word: this.arena.allocate('doorbell', 4).offset, descriptor: -1 };
  readonly received: [kind: number, argument: number][] = [];
  inbox: Inbox;

  constructor(options: InboxOptions = {}) {
    this.inbox = this.another(options);
  }

  receiver = {
    received: (kind: number, argument: number): void => {
      this.received.push([kind, argument]);
    },
  };

  another(options: InboxOptions): Inbox {
    return Inbox.create(this.arena, this.doorbell, resolveInboxOptions(options));
  }

  register(target: RemoteTarget = new Target()): RemoteWaker {
    const waker = this.inbox.register(target);
    assert.ok(waker);
    return waker;
  }

  wake(waker: RemoteWaker): void {
    wakeRemote(this.arena, waker);
  }

  post(kind: number, argument: number): string {
    return postToInbox(this.arena, this.inbox.address, kind, argument);
  }

  drain(): number {
    return this.inbox.drain(this.receiver);
  }

  /** Whether the doorbell was rung since the last call. */
  get rung(): boolean {
    return compareExchange(this.arena.words, this.doorbell.word / 4, 1, 0) === 1;
  }

  header(word: number): number {
    return loadAcquire(this.arena.words, this.inbox.address.offset / 4 + word);
  }
}

describe('wakes', () => {
  test('a task is woken once for any number of wakes, and again after that', () => {
    const ground = new Ground();
    const target = new Target();
    const waker = ground.register(target);
    for (let i = 0; i < 3; i++) ground.wake(waker);
    assert.ok(ground.rung);
    assert.equal(ground.drain(), 1);
    assert.equal(ground.drain(), 0);
    ground.wake(waker);
    assert.equal(ground.drain(), 1);
    assert.equal(target.woken, 2);
  });

  test('a waker is plain data', () => {
    const ground = new Ground();
    const target = new Target();
    ground.wake(structuredClone(ground.register(target)));
    ground.drain();
    assert.equal(target.woken, 1);
  });

  test('every slot of the largest inbox can be woken', () => {
    const ground = new Ground({ slots: 65_536 });
    const targets = Array.from({ length: 65_536 }, () => new Target());
    const wakers = targets.map((target) => ground.register(target));
    assert.equal(ground.inbox.register(new Target()), undefined);
    for (const waker of wakers) ground.wake(waker);
    assert.equal(ground.drain(), 65_536);
    assert.ok(targets.every(({ woken }) => woken === 1));
  });

  test('after its release a waker does nothing, also to the next task in the slot', () => {
    const ground = new Ground({ slots: 1 });
    const before = ground.register();
    ground.inbox.release(before);
    ground.inbox.release(before);
    assert.equal(ground.inbox.registered, 0);
    const target = new Target();
    const after = ground.register(target);
    assert.equal(after.slot, before.slot);
    ground.wake(before);
    assert.ok(!ground.rung);
    assert.equal(ground.drain(), 0);
    ground.inbox.release(before);
    ground.wake(after);
    ground.drain();
    assert.equal(target.woken, 1);
  });

  test('a wake that its task does not live to see is forgotten', () => {
    const ground = new Ground();
    const waker = ground.register();
    ground.wake(waker);
    ground.inbox.release(waker);
    assert.equal(ground.drain(), 0);
  });

  test('a waker that ended after the leaf keeps no later one from waking', () => {
    const ground = new Ground();
    const target = new Target();
    const waker = ground.register(target);
    or(ground.arena.words, ground.header(Header.LEAVES_AT), 1);
    assert.equal(ground.drain(), 0);
    ground.wake(waker);
    assert.ok(ground.rung);
    assert.equal(ground.drain(), 1);
    assert.equal(target.woken, 1);
  });

  test('recover rings a doorbell that was marked and not rung', () => {
    const ground = new Ground();
    or(ground.arena.words, ground.doorbell.word / 4, 1);
    ground.inbox.recover();
    assert.ok(ground.rung);
  });
});

const wakeSteps = fc.array(
  fc.tuple(fc.constantFrom('register', 'release', 'wake', 'wakeStale', 'drain'), fc.nat(999)),
  { maxLength: 300 },
);

test('wakes: as a naive model, for any order of calls', () => {
  fc.assert(
    fc.property(wakeSteps, (program) => {
      const ground = new Ground({ slots: 70 });
      const living: { waker: RemoteWaker; target: Target; expected: number; marked: boolean }[] =
        [];
      const stale: RemoteWaker[] = [];
      for (const [what, number] of program) {
        const at = number % (living.length || 1);
        if (what === 'register' && living.length < 70) {
          const target = new Target();
          // What was marked for the last task in the slot may be its.
          living.push({ waker: ground.register(target), target, expected: 0, marked: false });
        } else if (what === 'release' && living.length > 0) {
          ground.drain();
          const [{ waker } = assert.fail()] = living.splice(at, 1);
          for (const task of living) if (task.marked) task.expected += 1;
          for (const task of living) task.marked = false;
          ground.inbox.release(waker);
          stale.push(waker);
        } else if (what === 'wake' && living.length > 0) {
          ground.wake(living[at]!.waker);
          living[at]!.marked = true;
        } else if (what === 'wakeStale' && stale.length > 0) {
          ground.wake(stale[number % stale.length]!);
        } else if (what === 'drain') {
          const marked = living.filter((task) => task.marked);
          assert.equal(ground.drain(), marked.length);
          for (const task of marked) [task.expected, task.marked] = [task.expected + 1, false];
        }
        assert.equal(ground.inbox.registered, living.length);
        for (const { target, expected } of living) assert.equal(target.woken, expected);
      }
    }),
    { numRuns: 60 },
  );
});

describe('messages', () => {
  test('arrive in order, with the highest kind and argument too', () => {
    const ground = new Ground({ messages: 4 });
    assert.equal(ground.post(0, 0), 'posted');
    assert.equal(ground.post(7, ARGUMENT_MAX), 'posted');
    assert.ok(ground.rung);
    assert.equal(ground.drain(), 2);
    assert.deepEqual(ground.received, [
      [0, 0],
      [7, ARGUMENT_MAX],
    ]);
  });

  test('arguments are checked', () => {
    const ground = new Ground();
    assert.throws(() => ground.post(8, 0), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => ground.post(0, ARGUMENT_MAX + 1), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => ground.post(0, 1.5), { code: 'ERR_OPTION_TYPE' });
  });

  test('a full inbox says so, and takes more when some were received', () => {
    const ground = new Ground({ messages: 3 });
    for (let i = 0; i < 4; i++) assert.equal(ground.post(1, i), 'posted');
    assert.equal(ground.post(1, 4), 'full');
    ground.drain();
    assert.equal(ground.post(1, 5), 'posted');
    ground.drain();
    assert.deepEqual(
      ground.received.map(([, argument]) => argument),
      [0, 1, 2, 3, 5],
    );
  });

  test('a poster that ended after filling its cell holds nobody up', () => {
    const ground = new Ground({ messages: 4 });
    const { words } = ground.arena;
    const cells = ground.header(Header.CELLS_AT);
    for (let lap = 0; lap < 3; lap++) {
      const cell = cells + ((lap * 2) & 3);
      // The cell of the tail, and not the tail.
      const full = FULL | (((lap * 2) >> 2) << PARITY_SHIFT) | (100 + lap);
      assert.equal(compareExchange(words, cell, (lap * 2) >> 2, full), (lap * 2) >> 2);
      if (lap === 1) ground.drain(); // Emptied before anybody moved the tail.
      assert.equal(ground.post(0, 200 + lap), 'posted');
      ground.drain();
    }
    assert.deepEqual(
      ground.received.map(([, argument]) => argument),
      [100, 200, 101, 201, 102, 202],
    );
  });

  test('a full inbox whose last poster ended after filling its cell is full', () => {
    const ground = new Ground({ messages: 2 });
    ground.post(0, 1);
    const cell = ground.header(Header.CELLS_AT) + 1;
    compareExchange(ground.arena.words, cell, 0, FULL | 2);
    assert.equal(ground.post(0, 3), 'full');
    ground.drain();
    assert.deepEqual(ground.received, [
      [0, 1],
      [0, 2],
    ]);
  });
});

const ringSteps = fc.array(fc.oneof(fc.constant('drain' as const), fc.nat(ARGUMENT_MAX)), {
  maxLength: 300,
});
const firstPositions = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0xffffff00, max: 0xffffffff }),
  fc.integer({ min: 0x7fffff00, max: 0x7fffffff }),
);

test('messages: as a naive queue, also where positions wrap', () => {
  fc.assert(
    fc.property(
      ringSteps,
      firstPositions,
      fc.integer({ min: 1, max: 4 }),
      (program, first, log) => {
        const messages = 2 ** log;
        const ground = new Ground({ messages, firstPosition: first });
        const waiting: number[] = [];
        for (const step of program) {
          if (step === 'drain') {
            assert.equal(ground.drain(), waiting.length);
            const received = ground.received.splice(0);
            assert.deepEqual(
              received,
              waiting.splice(0).map((argument) => [argument & 7, argument]),
            );
            continue;
          }
          const isFull = waiting.length === messages;
          assert.equal(ground.post(step & 7, step), isFull ? 'full' : 'posted');
          if (!isFull) waiting.push(step);
        }
      },
    ),
    { numRuns: 200 },
  );
});

describe('close', () => {
  test('hands on what was posted, and takes nothing more', () => {
    const ground = new Ground();
    const target = new Target();
    const waker = ground.register(target);
    ground.post(1, 2);
    ground.inbox.close(ground.receiver);
    ground.inbox.close(ground.receiver);
    assert.deepEqual(ground.received, [[1, 2]]);
    assert.ok(ground.rung);
    assert.equal(ground.post(1, 3), 'closed');
    ground.wake(waker);
    assert.ok(!ground.rung);
    assert.equal(ground.drain(), 0);
    assert.equal(target.woken, 0);
    assert.equal(ground.inbox.register(target), undefined);
  });

  test('the next inbox takes the memory, and nothing of what was meant for the last', () => {
    const ground = new Ground({ slots: 40, messages: 4, firstPosition: 0xfffffffe });
    const held = ground.arena.usage().held;
    for (let round = 0; round < 5; round++) {
      const { address } = ground.inbox;
      const stale = ground.register();
      for (let i = 0; i < round; i++) ground.post(2, i);
      ground.inbox.close(ground.receiver);
      ground.received.length = 0;
      ground.inbox = ground.another({ slots: 40, messages: 4 });
      assert.equal(ground.arena.usage().held, held);
      assert.equal(postToInbox(ground.arena, address, 0, 1), 'closed');
      const target = new Target();
      const waker = ground.register(target);
      ground.wake(stale);
      assert.equal(ground.drain(), 0);
      ground.wake(waker);
      for (let i = 0; i < 4; i++) assert.equal(ground.post(3, i), 'posted');
      assert.equal(ground.post(3, 4), 'full');
      assert.equal(ground.drain(), 5);
      assert.equal(ground.received.length, 4);
      assert.equal(target.woken, 1);
      ground.received.length = 0;
    }
  });

  test('inboxes of other sizes or arenas get memory of their own', () => {
    const ground = new Ground({ slots: 40 });
    ground.inbox.close(ground.receiver);
    const { offset } = ground.inbox.address;
    const larger = ground.another({ slots: 41 });
    assert.notEqual(larger.address.offset, offset);
    const elsewhere = new Ground({ slots: 40 });
    assert.equal(elsewhere.inbox.registered, 0);
  });
});

test('resolveInboxOptions checks', () => {
  const { slots, shift } = resolveInboxOptions({ messages: 5 });
  assert.deepEqual([slots, shift], [4096, 3]);
  assert.throws(() => resolveInboxOptions({ slots: 0 }), { code: 'ERR_OPTION_RANGE' });
  assert.throws(() => resolveInboxOptions({ messages: 1 }), { code: 'ERR_OPTION_RANGE' });
  const unknown = { slot: 3 } as InboxOptions;
  assert.throws(() => resolveInboxOptions(unknown), { code: 'ERR_OPTION_UNKNOWN' });
});
