/**
 * Sleeping on bells inside the event loop, with the addon and without: whoever sleeps is woken,
 * also when the one who rings dies before he wakes anybody.
 */
import { loadAcquire, storeRelease } from '#atomics';
import type { TestContext } from '../../../src/checker/check/index.ts';
import { LaneReader } from '../../../src/ring/lanes/reader.ts';
import { LaneWriter } from '../../../src/ring/lanes/writer.ts';
import type { Membership } from '../../../src/ring/segment/membership.ts';
import { callAttention, isAwaited, ringBell } from '../../../src/ring/waiting/bell.ts';
import { LoopBells } from '../../../src/ring/waiting/loop-bells.ts';
import { Waiter } from '../../../src/ring/waiting/waiter.ts';
import { FutexLoop, PromiseLoop } from './doors.ts';
import { dying } from './dying.ts';
import { assure, Ground } from './ground.ts';
import { CheckedRing, claimed, read, write } from './rings.ts';
import { JAVASCRIPT, QUICK, type Structure } from './structure.ts';

const SOURCES = ['ring/waiting/loop-bells.js'];
const BELL = 0;
const NEWS = 128;
/** Bytes behind which the lists of waiters lie. */
const LISTS = 256;
/** How long a thread sleeps before it looks at its bells. */
const LOOK_MS = 1000;

interface Place {
  readonly ground: Ground;
  readonly loop: FutexLoop | PromiseLoop;
  readonly bells: LoopBells;
}

type MakePlace = (context: TestContext) => Place;

/** Threads of one process, without the addon. */
function inProcess(context: TestContext): Place {
  const ground = new Ground(context, 512);
  const loop = new PromiseLoop(context, ground.words, LISTS / 4);
  return { ground, loop, bells: LoopBells.of(ground.arena()) };
}

/** Processes, by the kernel's futexes. */
function byFutex(context: TestContext): Place {
  const ground = new Ground(context, 512);
  const arena = ground.arena();
  return { ground, loop: new FutexLoop(arena), bells: LoopBells.of(arena) };
}

/** Tells, and rings if somebody may be asleep. */
function telling({ ground, loop }: Place, news: number): () => void {
  const arena = ground.arena();
  return () =>
    loop.run(() => {
      storeRelease(ground.words, NEWS / 4 + news, 1);
      if (isAwaited(ground.words, BELL / 4)) ringBell(arena, BELL);
    });
}

/** Sleeps in the loop until all is told; says when it is. */
function sleeping({ ground, bells }: Place, news: number): () => boolean {
  const { words } = ground;
  const isTold = (): boolean => {
    for (let each = 0; each < news; each++) {
      if (loadAcquire(words, NEWS / 4 + each) === 0) return false;
    }
    return true;
  };
  let isOver = false;
  const sleep = (): void => {
    const bell = callAttention(words, BELL / 4);
    if (isTold()) isOver = true;
    else bells.sleep(BELL, bell, sleep, true);
  };
  sleep();
  return () => isOver;
}

/** Whether something keeps the process alive. */
function isHeld(loop: FutexLoop | PromiseLoop): boolean {
  return loop.timers.references > 0 || (loop instanceof FutexLoop && loop.isHeld);
}

/** Some sleep in one loop until all is told; each ringer has one news. */
function toldInLoop(make: MakePlace, sleepers: number, ringers: number) {
  return (context: TestContext): void => {
    const place = make(context);
    const { loop } = place;
    context.thread('sleeper', () => {
      loop.run(() => {
        const all = Array.from({ length: sleepers }, () => sleeping(place, ringers));
        while (!all.every((isOver) => isOver())) {
          assure(isHeld(loop), 'the process stays for who sleeps');
          loop.turn();
        }
        assure(!isHeld(loop), 'it does not stay when nobody does');
      });
    });
    for (let news = 0; news < ringers; news++)
      context.thread(`ringer ${news}`, telling(place, news));
  };
}

/** A sleep that was given up wakes nobody, and the other one on the same bell goes on. */
function givingUp(make: MakePlace) {
  return (context: TestContext): void => {
    const place = make(context);
    const { loop, bells, ground } = place;
    context.thread('sleeper', () => {
      loop.run(() => {
        const isOver = sleeping(place, 1);
        const bell = callAttention(ground.words, BELL / 4);
        const cancel = bells.sleep(BELL, bell, () => assure(false, 'it was given up'), true);
        cancel();
        cancel();
        while (!isOver()) loop.turn();
      });
    });
    context.thread('ringer', telling(place, 0));
  };
}

/** Who was woken sleeps again, and then gives up a sleep that was to be woken with its first. */
function givingUpBeside(make: MakePlace) {
  return (context: TestContext): void => {
    const place = make(context);
    const { loop, bells, ground } = place;
    const { words } = ground;
    context.thread('sleeper', () => {
      loop.run(() => {
        let isOver = false;
        let isGivenUp = false;
        let cancel: (() => void) | undefined;
        const sleep = (): void => {
          const bell = callAttention(words, BELL / 4);
          const isTold = loadAcquire(words, NEWS / 4) + loadAcquire(words, NEWS / 4 + 1) === 2;
          if (isTold) isOver = true;
          else bells.sleep(BELL, bell, sleep, true);
          isGivenUp = cancel !== undefined;
          cancel?.();
        };
        sleep();
        const bell = callAttention(words, BELL / 4);
        const beside = (): void => assure(!isGivenUp, 'it was given up');
        if (!isOver) cancel = bells.sleep(BELL, bell, beside, true);
        while (!isOver) loop.turn();
      });
    });
    for (const news of [0, 1]) context.thread(`ringer ${news}`, telling(place, news));
  };
}

/** Who rings dies anywhere: a thread that sleeps looks at its bells now and then. */
function dyingRinger(context: TestContext): void {
  const place = byFutex(context);
  const { ground, bells } = place;
  const loop = place.loop as FutexLoop;
  const { words } = ground;
  const arena = ground.arena();
  const ringer = context.thread('ringer', () => {
    loop.run(() =>
      dying(context, 6, () => {
        storeRelease(words, NEWS / 4, 1);
        if (isAwaited(words, BELL / 4)) ringBell(arena, BELL);
      }),
    );
  });
  context.thread('sleeper', () => {
    loop.run(() => {
      let isWoken = false;
      const bell = callAttention(words, BELL / 4);
      if (loadAcquire(words, NEWS / 4) === 1) return;
      bells.sleep(BELL, bell, () => void (isWoken = true), true);
      loop.turn(LOOK_MS);
      if (isWoken) return;
      // A second has passed again, and the ringer is dead by now.
      ringer.join();
      loop.timers.fire();
      assure(isWoken === (loadAcquire(words, BELL / 4) !== bell), 'who was rung for is woken');
    });
  });
}

/** No participant dies, and none is watched. */
const immortal = {
  lookForDeaths: () => undefined,
  watch: () => () => undefined,
  refresh: () => undefined,
} as unknown as Membership;

/** A consumer in an event loop, with the waiter of production. */
function consuming(count: number) {
  return (context: TestContext): void => {
    const ring = new CheckedRing(context, { slots: 1 });
    const arena = ring.ground.arena();
    const loop = new FutexLoop(arena);
    const core = ring.core(arena);
    const producers = ring.core();
    context.thread('producer', () => {
      loop.run(() => {
        const writer = new LaneWriter(producers, 0, 1);
        for (let value = 1; value <= count; value++) {
          write(producers.words, claimed(writer), value);
          writer.commit(1);
        }
      });
    });
    context.thread('consumer', () => {
      loop.run(() => {
        const reader = new LaneReader(core, 0, 0, 1);
        let isReady = false;
        const lookout = {
          look: () => {
            isReady = reader.available() > 0;
            return isReady ? ('ready' as const) : undefined;
          },
          isReady: () => reader.available() > 0,
          beforeSleep: () => reader.release(),
        };
        const waiter = new Waiter(arena, core.consumersBell, immortal, lookout, 0);
        for (let value = 1; value <= count; value++) {
          // The promise is settled when the thread is over: what it waits for is seen by `look`.
          waiter.inLoop(undefined).catch(() => undefined);
          while (!isReady) loop.turn();
          assure(read(core.words, reader.peek()) === value, 'messages come in order');
          reader.take();
        }
        assure(!isHeld(loop), 'nothing keeps the process alive');
      });
    });
  };
}

/** Everything about bells in event loops. */
export const loopBells: readonly Structure[] = [
  {
    name: 'a bell in an event loop: one sleeps, one rings',
    covers: SOURCES,
    models: JAVASCRIPT,
    body: toldInLoop(byFutex, 1, 1),
  },
  {
    name: 'a bell in an event loop: two sleep, one rings',
    covers: SOURCES,
    models: JAVASCRIPT,
    body: toldInLoop(byFutex, 2, 1),
  },
  {
    name: 'a bell in an event loop: one sleeps until two have rung',
    covers: SOURCES,
    models: QUICK,
    body: toldInLoop(byFutex, 1, 2),
  },
  {
    name: 'a bell in an event loop: a sleep is given up',
    covers: SOURCES,
    models: QUICK,
    body: givingUp(byFutex),
  },
  {
    name: 'a bell in an event loop: a sleep is given up when another one is woken',
    covers: SOURCES,
    models: QUICK,
    body: givingUpBeside(byFutex),
  },
  {
    name: 'a bell in an event loop: a ringer may die anywhere',
    covers: SOURCES,
    models: QUICK,
    body: dyingRinger,
  },
  {
    name: 'a bell in an event loop: a consumer of a ring',
    covers: [...SOURCES, 'ring/waiting/waiter.js', 'ring/waiting/bell.js'],
    models: QUICK,
    body: consuming(2),
  },
  {
    name: 'a bell in an event loop without the addon: one sleeps, one rings',
    covers: SOURCES,
    models: JAVASCRIPT,
    body: toldInLoop(inProcess, 1, 1),
  },
  {
    name: 'a bell in an event loop without the addon: two sleep, one rings',
    covers: SOURCES,
    models: QUICK,
    body: toldInLoop(inProcess, 2, 1),
  },
  {
    name: 'a bell in an event loop without the addon: one sleeps until two have rung',
    covers: SOURCES,
    models: QUICK,
    body: toldInLoop(inProcess, 1, 2),
  },
  {
    name: 'a bell in an event loop without the addon: a sleep is given up',
    covers: SOURCES,
    models: QUICK,
    body: givingUp(inProcess),
  },
];
