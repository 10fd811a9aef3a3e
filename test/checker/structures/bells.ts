/** Sleeping and waking: nobody sleeps on while there is what he waits for. */
import { loadAcquire, storeRelease, waitBlocking } from '#atomics';
import type { TestContext } from '../../../src/checker/check/index.ts';
import { LaneReader } from '../../../src/ring/lanes/reader.ts';
import { LaneWriter, NO_SLOT } from '../../../src/ring/lanes/writer.ts';
import type { Membership } from '../../../src/ring/segment/membership.ts';
import { callAttention, isAwaited, ringBell } from '../../../src/ring/waiting/bell.ts';
import { type Lookout, Waiter } from '../../../src/ring/waiting/waiter.ts';
import { futexes, withNative } from './doors.ts';
import { assure, Ground, patiently } from './ground.ts';
import { CheckedRing, read, write } from './rings.ts';
import { JAVASCRIPT, QUICK, type Structure, type Verdict } from './structure.ts';

const BELL_SOURCES = ['ring/waiting/bell.js'];

/** Offsets of the bell, and of what is told. */
const BELL = 0;
const NEWS = 128;

/** As `spec/ring.md`, §8, has it: says that one sleeps, looks again, sleeps. */
function sleepUntil(words: Int32Array, look: () => boolean): void {
  for (;;) {
    const bell = callAttention(words, BELL / 4);
    if (look()) return;
    waitBlocking(words, BELL / 4, bell, Infinity);
  }
}

/** Some sleep until all news are there; each ringer has one. */
function bells(sleepers: number, ringers: number) {
  return (context: TestContext): void => {
    const ground = new Ground(context, 512);
    const { words } = ground;
    for (let sleeper = 0; sleeper < sleepers; sleeper++) {
      context.thread(`sleeper ${sleeper}`, () => {
        sleepUntil(words, () => {
          for (let ringer = 0; ringer < ringers; ringer++) {
            if (loadAcquire(words, NEWS / 4 + ringer) === 0) return false;
          }
          return true;
        });
      });
    }
    for (let ringer = 0; ringer < ringers; ringer++) {
      const arena = ground.arena();
      context.thread(`ringer ${ringer}`, () => {
        storeRelease(words, NEWS / 4 + ringer, 1);
        if (isAwaited(words, BELL / 4)) ringBell(arena, BELL);
      });
    }
    context.after(() => {
      const rung = words[BELL / 4]! >>> 1;
      assure(rung <= ringers, 'each ringer counts once at most');
    });
  };
}

/** Two sleep on one bell, each until its own ringer has rung. */
function pairs(context: TestContext): void {
  const ground = new Ground(context, 512);
  const { words } = ground;
  for (const pair of [0, 1]) {
    context.thread(`sleeper ${pair}`, () => {
      sleepUntil(words, () => loadAcquire(words, NEWS / 4 + pair) === 1);
    });
    const arena = ground.arena();
    context.thread(`ringer ${pair}`, () => {
      storeRelease(words, NEWS / 4 + pair, 1);
      if (isAwaited(words, BELL / 4)) ringBell(arena, BELL);
    });
  }
}

/** No participant dies. */
const immortal = { lookForDeaths: () => undefined } as unknown as Membership;

/** A clock that goes on by a millisecond whenever it is looked at: a spin has one round. */
function steps(): { now(): number } {
  let now = 0;
  return { now: () => (now += 1) };
}

function waiter(ring: CheckedRing, bell: number, lookout: Lookout, spin: number): Waiter {
  return new Waiter(ring.ground.arena(), bell, immortal, lookout, spin, steps());
}

/** Both sides of a ring sleep, with the waiter of production. */
function sleepingSides(
  slots: number,
  count: number,
  publishEvery: number,
  spin: number,
  isNative: boolean = false,
) {
  return (context: TestContext): void => {
    const ring = new CheckedRing(context, { slots });
    const core = ring.core();
    const other = ring.core();
    const thread = (name: string, body: () => void): void => {
      context.thread(name, () => (isNative ? withNative(futexes(core.arena), body) : body()));
    };
    const wait = (bell: number, lookout: Lookout): void =>
      patiently(() => {
        const sight = waiter(ring, bell, lookout, spin).blocking(Infinity);
        assure(sight === 'ready', 'a wait ends when there is something');
      });
    thread('producer', () => {
      const writer = new LaneWriter(core, 0, publishEvery);
      const lookout = {
        look: () => (writer.hasRoom(1) ? ('ready' as const) : undefined),
        isReady: () => writer.hasRoom(1),
        beforeSleep: () => writer.publish(),
      };
      for (let value = 1; value <= count; value++) {
        let slot = writer.claim();
        if (slot === NO_SLOT) {
          wait(core.producersBell, lookout);
          slot = writer.claim();
        }
        write(core.words, slot, value);
        writer.commit(1);
      }
      writer.publish();
    });
    thread('consumer', () => {
      const reader = new LaneReader(other, 0, 0, publishEvery);
      const lookout = {
        look: () => (reader.available() > 0 ? ('ready' as const) : undefined),
        isReady: () => reader.available() > 0,
        beforeSleep: () => reader.release(),
      };
      for (let value = 1; value <= count; value++) {
        if (reader.available() === 0) wait(other.consumersBell, lookout);
        assure(read(other.words, reader.peek()) === value, 'messages come in order');
        reader.take();
      }
      reader.release();
    });
  };
}

/** Who closes is found out by a producer that sleeps, and by one that publishes next. */
function closing(context: TestContext): void {
  const ring = new CheckedRing(context, { slots: 1 });
  const core = ring.core();
  const other = ring.core();
  context.thread('producer', () => {
    const writer = new LaneWriter(core, 0, 1);
    write(core.words, writer.claim(), 1);
    writer.commit(1);
    const lookout = {
      look: () => (writer.hasRoom(1) || writer.closed ? ('ended' as const) : undefined),
      isReady: () => writer.hasRoom(1),
      beforeSleep: () => writer.publish(),
    };
    patiently(() => waiter(ring, core.producersBell, lookout, 0).blocking(Infinity));
    assure(writer.closed, 'who sleeps learns that no more is wanted');
  });
  context.thread('consumer', () => other.close());
}

const DEKKER: Verdict = {
  fails: 'deadlock',
  because:
    'who tells stores and then loads the bell, who sleeps changes the bell and then looks: release ' +
    'and acquire let both miss each other. Atomics are sequentially consistent; peers have a fence',
};

/** Everything about bells. */
export const bellsOfRings: readonly Structure[] = [
  {
    name: 'a bell: one sleeps, one rings',
    covers: BELL_SOURCES,
    models: ['sc', 'x86-tso', 'es', 'v8-arm64'],
    named: DEKKER,
    body: bells(1, 1),
  },
  {
    name: 'a bell: two sleep, one rings',
    covers: BELL_SOURCES,
    models: JAVASCRIPT,
    named: DEKKER,
    body: bells(2, 1),
  },
  {
    name: 'a bell: one sleeps until two have rung',
    covers: BELL_SOURCES,
    models: JAVASCRIPT,
    named: DEKKER,
    body: bells(1, 2),
  },
  {
    name: 'a bell: two sleep, each until somebody else has rung',
    covers: BELL_SOURCES,
    models: ['sc'],
    body: pairs,
  },
  {
    name: 'a bell: two sleep until two have rung',
    covers: BELL_SOURCES,
    models: ['sc'],
    executions: 3_000,
    body: bells(2, 2),
  },
  {
    name: 'both sides of a ring sleep',
    covers: [
      ...BELL_SOURCES,
      'ring/waiting/waiter.js',
      'ring/lanes/reader.js',
      'ring/lanes/writer.js',
    ],
    models: QUICK,
    named: DEKKER,
    body: sleepingSides(1, 2, 1, 0),
  },
  {
    name: 'both sides of a ring sleep, with futexes of the kernel',
    covers: [...BELL_SOURCES, 'ring/waiting/waiter.js'],
    models: QUICK,
    named: DEKKER,
    body: sleepingSides(1, 2, 1, 0, true),
  },
  {
    name: 'both sides of a ring sleep, and hold back what they have until then',
    covers: [
      ...BELL_SOURCES,
      'ring/waiting/waiter.js',
      'ring/lanes/reader.js',
      'ring/lanes/writer.js',
    ],
    models: QUICK,
    named: DEKKER,
    body: sleepingSides(2, 3, 2, 0),
  },
  {
    name: 'both sides of a ring spin before they sleep',
    covers: ['ring/waiting/waiter.js', 'ring/waiting/spin.js'],
    models: ['sc'],
    body: sleepingSides(1, 1, 1, 1),
  },
  {
    name: 'a producer that sleeps is told when no more is wanted',
    covers: ['ring/core.js', ...BELL_SOURCES],
    models: QUICK,
    named: DEKKER,
    body: closing,
  },
];
